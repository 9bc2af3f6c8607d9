"""Below the pictures of the page Transfer: tables of this picture, of a data set, and the paper's."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from app import orders, paper, resources, series, series_job, tables, tried
from app.components import by_name, downloads, linked
from app.components.asking import answer, ask
from app.components.chrome import FIRST_PRESET
from app.components.pictures import GALLERY, OBJECTS
from app.library import Shelf
from app.request import Request
from app.request_json import digests
from app.result import LossStep, Result
from app.second import Second
from app.series import Measured, Series
from app.state import keys, pages, session
from app.tables import Line
from app.variants import Variant, variants
from app.words import in_sentence, nearest, plain
from mta_core.attacks import Attack, Generative, Noise, Scope
from mta_core.data import DataError
from mta_core.generators import AUTO
from mta_core.job_records import CUT_OFF, Order, Record
from mta_core.kinds import Aim
from mta_core.transfer import Pair, resizing
from mta_core.weights import Card
from mta_core.wording import counted

Asked = tuple[Series, ...]
"""An attack each, on the same pictures; random noise first."""
Found = Mapping[Series, Measured]
PICTURE, DATA_SET = "This picture", "Data set"
FIRST_COUNT, MOST = 8, 10_000
STEPS = 10
"""Of iterative attacks beside one that has no steps."""
FORM = (
    "victim", "to", "tasks", "attack", "scope", "norm", "epsilon", "epsilon_l2", keys.DATA, keys.COUNT, keys.OTHERS,
)  # fmt: skip
"""Keys of the controls of a measurement on a data set."""
OTHER_NETWORK = "resnet18"
"""Of the presets of classifiers; those that are shipped are of another."""


def note(request: Request) -> None:
    """What is particular about the two victims."""
    cards = _cards()
    source, to = cards[request.victim], cards[request.to]
    if source is to:
        alone = len([card for card in cards.values() if set(card.tasks.items()) & set(source.tasks.items())]) == 1
        same = f"Made on {source.name} and tried on itself: both halves show the white-box attack."
        st.info(f"{plain(same)} {_advice(request) if alone else 'Choose another victim under “Tried on”.'}")
    elif source.input_size != to.input_size:
        said = resizing(source.name, source.input_size, to.name, to.input_size)
        st.caption(plain(f"{said[:1].upper()}{said[1:]}."))


def _advice(request: Request) -> str:
    """How to come by another victim for these tasks."""
    t = request.tasks[0]
    preset = FIRST_PRESET if t.is_dense else f"{OTHER_NETWORK}-{t.name}"
    return (
        "There is no other victim yet that answers these tasks. Make one with "
        f"`python -m mta_core train victim --preset {preset} --out runs/{preset}`, then reload this page."
    )


def tabs(
    request: Request, result: Result | None, is_live: bool, live: Sequence[LossStep], _: Second | None = None
) -> bool:
    """Only what is open is drawn; whether more of it is on its way."""
    picture, data_set = st.tabs([PICTURE, DATA_SET], key=keys.TABLES, on_change="rerun", **keys.LINKED)
    pages.note_drawn(keys.TABLES)
    if picture.open and result is not None and result.request.to:
        with picture:
            _of_picture(result)
    if data_set.open:
        with data_set:
            return _of_data(request)
    return False


def _of_picture(result: Result) -> None:
    found = tried.pairs_of(result)
    noise = tried.pairs_of(result, "noise") if result.is_complete else []
    names = (result.request.victim, result.request.to)
    if result.unreached:
        st.caption("Stopped: tasks whose turn had not come are not attacked.")
    _summary(found, names)
    st.html(tables.transfer_table(found, noise, names, f"{result.request.picture.name}, both victims"))
    without = [in_sentence(o.task.label) for o in result.outcome.tasks.values() if o.truth is None]
    if without:
        st.caption(f"No ground truth for {', '.join(without)}: each victim is measured against its own clean output.")


def _of_data(request: Request) -> bool:
    chosen = _form(request)
    if not chosen:
        return False
    asked = _named(chosen)
    record = orders.find(resources.board(), _order(asked))
    if record is not None:
        series_job.recall(resources.workshop(), resources.board(), record, asked)
    is_live = record is not None and record.state in ("queued", "running")
    found = {one: known for one in asked if (known := series.known(resources.workshop(), one)) is not None}
    _toolbar(asked, record, found)
    if asked != chosen:
        st.info(linked.OTHER_WEIGHTS)
        st.button(linked.START_ANEW, key="measure_anew", on_click=_start_anew, args=(chosen,))
    answer(record)
    if record is not None and record.state == "failed":
        st.error(plain(f"{record.note}."))
    elif record is not None and record.note == CUT_OFF:
        st.info(CUT_OFF)
    if found:
        session.keep_series(asked)
        _show(asked, found, is_live)
    elif not is_live:
        st.caption("Nothing is measured yet for these settings.")
        last: Asked = session.last_series()
        if known_of_last := {one: known for one in last if (known := series.known(resources.workshop(), one))}:
            _show(last, known_of_last, False)
    return is_live


def _named(asked: Asked) -> Asked:
    """With the very weights of the job that the link names, where it is this one but for them."""
    record = linked.named(series_job.KIND)
    if record is None or not series_job.is_of(record.order, asked):
        linked.forget()
        return asked
    try:
        return tuple(series_job.read(record.order, resources.shelves()))
    except ValueError:  # a victim is gone
        return asked


def _start_anew(asked: Asked) -> None:
    """Called by the button."""
    linked.forget()
    _start(asked)


def _order(asked: Asked) -> Order:
    return series_job.order_of(asked, session.owner(), linked.query(*FORM))


def _form(request: Request) -> Asked:
    """Which pictures and which attacks; none, and the reason on the page, where the pictures cannot be opened."""
    shelves = _shelves(request)
    if not shelves:
        st.info("No data set is here: connect one on the page Library.")
        return ()
    left, middle, right = st.columns([2, 1, 4])
    with left:
        name = by_name.choose("Pictures of", list(shelves), key=keys.DATA)
    shelf = shelves[name]
    size = max(len(part) for part in series.parts_of(shelf.data, request.tasks))
    with middle:
        count = st.number_input(
            f"How many, of {size}", 1.0, float(MOST), float(FIRST_COUNT), 1.0, "%.0f", key=keys.COUNT, **keys.LINKED
        )  # not whole numbers: a link that says "inf" would end the page
    with right:
        attacks = _attacks(request, has_joint=not shelf.data.is_divided)
    for key in (keys.DATA, keys.COUNT, keys.OTHERS):
        pages.note_drawn(key)
    try:
        return tuple(series.series_of(r, label, name, shelf, nearest(count)) for label, r in attacks.items())
    except DataError as error:
        st.error(plain(f"These pictures cannot be read: {error}."))
        return ()


def _shelves(request: Request) -> dict[str, Shelf]:
    """The data sets that have pictures for these tasks; first those with labels for them."""
    shipped = {GALLERY: resources.gallery(), OBJECTS: resources.objects()}
    shelves = {**{label: shelf for label, shelf in shipped.items() if shelf}, **resources.connected()}
    tasks = {t.name for t in request.tasks}
    fitting = {label: s for label, s in shelves.items() if not s.data.is_divided or tasks <= set(s.data.known)}
    return dict(sorted(fitting.items(), key=lambda item: not tasks & set(item[1].data.known)))


def _attacks(request: Request, *, has_joint: bool) -> dict[str, Request]:
    """By their labels: random noise, the attack of the side bar, and those that are chosen here.

    Args:
        has_joint: whether one perturbation for all tasks is offered: not where each task has pictures of its own.
    """
    card, own = _cards()[request.victim], label_of(request)
    found = variants(resources.workshop().generators(card.name), request.tasks)
    others = {v.label: v for v in found if not _is_same(v, request, card) and (has_joint or v.scope != "joint")}
    first = [label for label, v in others.items() if v.is_first_choice and issubclass(v.kind, Generative)]
    chosen = st.pills(
        "Beside it", list(others), selection_mode="multi", default=first, key=keys.OTHERS, wrap=True,
        help=f"Further attacks at the same epsilon, in rows below {own}, the attack of the side bar.", **keys.LINKED,
    )  # fmt: skip
    steps = getattr(request.attack, "num_steps", STEPS)
    attacks = {label: (v.attack(steps), v.scope) for label, v in others.items() if label in chosen}
    attacks = {Noise.label: (Noise(), "per-task"), own: (request.attack, request.scope), **attacks}
    return {label: _request(request, card, attack, scope) for label, (attack, scope) in attacks.items()}


def _is_same(variant: Variant, request: Request, card: Card) -> bool:
    """Whether it is the attack of the request; a generator is known by its weights, whatever names it."""
    if variant.kind is not type(request.attack) or variant.scope != request.scope:
        return False
    if not issubclass(variant.kind, Generative):
        return True
    made = variant.attack(STEPS)
    return made.is_universal == request.attack.is_universal and (
        _request(request, card, made, variant.scope).weights == request.weights
    )


def label_of(request: Request) -> str:
    """Of the attack in its mode, as the labels of `app.variants` are."""
    attack, generator = request.attack, getattr(request.attack, "generator", "")
    is_named = generator not in ("", AUTO)
    modes = [("universal", attack.is_universal), ("joint", request.scope == "joint"), (f"({generator})", is_named)]
    return " ".join([attack.label, *(name for name, has in modes if has)])


def _request(request: Request, card: Card, attack: Attack, scope: Scope) -> Request:
    """The same of another attack."""
    aim = Aim(tuple(t.name for t in request.tasks), scope, budget=request.budget)
    weights = digests(attack, card, aim, _cards()[request.to])
    return replace(request, attack=attack, scope=scope, weights=weights)


def _toolbar(asked: Asked, record: Record | None, found: Found) -> None:
    """What is going on, and the buttons that start and stop it."""
    is_live = record is not None and record.state in ("queued", "running")
    with st.container(horizontal=True, vertical_alignment="center", key="series_toolbar", gap="small"):
        if is_live and record is not None:
            st.button("Stop", key="stop_series", on_click=_stop, args=(record,), disabled=record.is_finishing)
        elif any(series.is_open(resources.workshop(), one) for one in asked):
            label = "Go on" if record is not None and record.can_go_on else "Measure"
            st.button(label, key="measure", type="primary", on_click=_start, args=(asked,))
        words = html.escape(_said(asked, record, found))
        st.html(f'<div class="mta-status{" mta-alive" if is_live else ""}">{words}</div>')
    if is_live:
        st.progress(min(1.0, sum(_done(one, found) for one in asked) / sum(one.num_pictures for one in asked)))


def _done(one: Series, found: Found) -> int:
    measured = found.get(one)
    return 0 if measured is None else one.num_pictures if measured.is_whole else measured.num_pictures


def _said(asked: Asked, record: Record | None, found: Found) -> str:
    """Of the first attack that is not measured to its end, or of all."""
    one = next((one for one in asked if one not in found or not found[one].is_whole), None)
    if record is not None and record.state == "queued":
        return f"Waiting for its turn, {counted(resources.board().place(record.id), 'job')} before it …"
    if record is not None and record.state == "running":
        if record.is_finishing or one is None:
            return "Stopping after this step …" if record.is_finishing else "Keeping the results …"
        return f"{one.label}: {_done(one, found)} of {one.num_pictures} pictures …"
    if one is not None:
        return f"{one.label}: {_done(one, found)} of {one.num_pictures} pictures" if found else ""
    seconds = sum(measured.seconds for measured in found.values())
    return f"{max(measured.num_pictures for measured in found.values())} pictures in {seconds:.0f} s"


def _start(asked: Asked) -> None:
    """Called by the button."""
    board, order = resources.board(), _order(asked)
    record = orders.find(board, order)
    if record is not None and record.can_go_on:
        ask(record.id, board.resume)
    elif record is None or record.is_ended:
        board.submit(order)


def _stop(record: Record) -> None:
    """Called by the button."""
    board = resources.board()
    ask(record.id, board.cancel if record.state == "queued" else board.finish)


def _show(shown: Asked, found: Found, is_live: bool) -> None:
    request = shown[0].request
    names, lines = (request.victim, request.to), [_line(one, found) for one in shown]
    own = next((line for line in lines if line.found and not line.is_baseline), None)
    if own is not None and names[0] != names[1]:  # else it is said above
        st.markdown(plain(f"{own.label}: {tables.summary(own.found, names)}"))
    scale = f"at {request.budget.label}, made on {names[0]}, tried on {names[1]}"
    count = max(measured.num_pictures for measured in found.values())
    st.html(tables.attacks_table(lines, names, f"Attacks {scale}; {shown[0].shelf}, {count} of its pictures"))
    _caption(shown[0], found)
    _downloads(shown, found, is_live)
    if names == (paper.SOURCE, paper.TO):
        _paper()


def _line(one: Series, found: Found) -> Line:
    measured = found.get(one)
    note = "" if measured is None or measured.is_whole else f"{measured.num_pictures} of {one.num_pictures} pictures"
    pairs = measured.pairs(one.request) if measured else []
    return Line(one.label, pairs, note, is_baseline=one.request.attack.is_baseline)


def _summary(found: Sequence[Pair], names: tuple[str, str]) -> None:
    if names[0] != names[1]:  # else it is said above
        st.markdown(plain(tables.summary(found, names)))


def _caption(one: Series, found: Found) -> None:
    parts = ["Under the attacked values: 95 % intervals over pictures.",
             "Carries over: how far a measure moves, of how far it moves on the victim that the attack was made on; "
             "a dash where it does not move there beyond chance."]  # fmt: skip
    without = [in_sentence(t.label) for t in one.request.tasks if t.name not in one.data.known]
    if without:
        parts.append(f"No labels for {', '.join(without)}: each victim is measured against its own clean output.")
    left_out = dict.fromkeys(name for measured in found.values() for name in measured.left_out)
    if left_out:
        parts.append(f"Left out, since they cannot be read: {', '.join(left_out)}.")
    st.caption(plain(" ".join(parts)))


def _downloads(shown: Asked, found: Found, is_live: bool) -> None:
    """Nothing while the table still grows: every redraw makes new addresses."""
    stem = f"transfer-{shown[0].request.victim}-{shown[0].request.to}"
    rows = [row for measured in found.values() for row in measured.rows]
    made = (resources.workshop(), list(found), list(found.values()))
    downloads.rows(stem, lambda: rows, lambda: series.provenance(*made), "series_downloads", has_rows=not is_live)


def _paper() -> None:
    """The paper's own table, for the pair that it tells of."""
    lines = [Line("MTA universal", paper.pairs("universal")), Line("MTA", paper.pairs("per-instance"))]
    st.html(tables.attacks_table(lines, ("DMTL", "MTAN"), "The paper's Tables 5 and 6: MTA at 5/255"))
    st.caption(
        "Guo et al., section 4.4: their own models and generators on the whole NYUv2 test set. The table above is of "
        "this program's victims on the pictures chosen here, over all their pixels."
    )


def _cards() -> dict[str, Card]:
    return {card.name: card for card in resources.workshop().victims()}
