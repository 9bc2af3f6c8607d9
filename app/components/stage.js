// Draws a result: one row for the picture, one for each task. Data: a line of JSON, then the PNG files it names, then
// the values that were asked for. The other parts of this script are shared.js and the files
// stage_*.js beside it.
// New pictures are decoded first and then swapped in together; until then the last ones stay.
const kept = new Map() // digest -> object URL
let mounts = 0

function keep(header, blob) {
  if (!header.files.length) return
  const fresh = new Set(header.files.map(([digest]) => digest))
  let offset = 0
  for (const [digest, length] of header.files) {
    if (!kept.has(digest)) {
      kept.set(digest, URL.createObjectURL(new Blob([blob.slice(offset, offset + length)], { type: "image/png" })))
    }
    offset += length
  }
  for (const [digest, url] of kept) {
    if (kept.size > 120 && !fresh.has(digest)) {
      URL.revokeObjectURL(url)
      kept.delete(digest)
    }
  }
}

function scale(colours, low, high) {
  const line = element("div", "mta-scale")
  const bar = element("span", "mta-bar")
  bar.style.background = `linear-gradient(90deg, ${colours.join(",")})`
  line.append(element("span", "", low), bar, element("span", "", high))
  return line
}

function change(m) {
  const line = element("span", m.rough ? "mta-rough" : "") // rough until measured in float32
  if (m.rough) line.append("≈ ")
  line.append(element("span", "", m.clean), element("span", "mta-arrow", " → "))
  line.append(element("b", m.worse ? "mta-worse" : "", m.adversarial))
  return line
}

function words(row) {
  const box = element("div", "mta-words")
  box.append(element("h3", "", row.title), element("p", row.measure ? "mta-verdict" : "mta-note", row.words))
  if (row.measure) {
    const m = row.measure
    const line = element("p", "mta-measure")
    line.append(change(m))
    const note = element("p", "mta-note", `${m.label}, ${m.direction}`)
    if (m.reference) note.append(` (${m.reference})`)
    note.append(element("br"), `Random noise: ${m.noise ?? "…"}`)
    box.append(line, note)
  }
  for (const side of row.sides ?? []) {
    const line = element("p", "mta-side")
    line.append(element("b", "", side.name))
    if (side.measure) line.append(" ", change(side.measure))
    box.append(line, element("p", "mta-note", side.words))
  }
  if (row.note) box.append(element("p", "mta-note", row.note))
  if (row.facts) {
    const list = element("dl", "mta-facts")
    for (const [name, value] of row.facts) list.append(element("dt", "", name), element("dd", "", value))
    box.append(list)
  }
  const legend = element("div", "mta-legend")
  if (row.legend?.span) {
    const [low, high] = row.legend.span.map((v) => row.legend.unit ? `${v.toFixed(1)} ${row.legend.unit}` : v.toFixed(2))
    legend.append(scale(row.legend.scale, low, high))
  }
  for (const [name, colour] of row.legend?.entries ?? []) {
    const entry = element("span", "mta-entry", name)
    entry.style.setProperty("--swatch", colour)
    legend.append(entry)
  }
  box.append(legend)
  return box
}

function chart(data) {
  const ns = "http://www.w3.org/2000/svg"
  const box = element("div", "mta-chart")
  box.setAttribute("role", "img")
  const last = data.series.map((s) => `${s.label} ${s.points.at(-1)[1].toFixed(2)}`).join(", ")
  box.setAttribute("aria-label", `Loss of each task by step, of ${data.total}: ${last}`)
  const svg = document.createElementNS(ns, "svg")
  svg.setAttribute("viewBox", "0 0 100 60")
  svg.setAttribute("preserveAspectRatio", "none")
  for (const s of data.series) {
    const values = s.points.map((p) => p[1])
    const low = Math.min(...values)
    const high = Math.max(...values, low + 1e-3 * Math.abs(low) + 1e-9)
    const line = document.createElementNS(ns, "polyline")
    const at = ([step, v]) => `${(100 * (step - 1)) / Math.max(1, data.total - 1)},${58 - (56 * (v - low)) / (high - low)}`
    line.setAttribute("points", s.points.map(at).join(" "))
    line.setAttribute("stroke", s.colour)
    svg.append(line)
  }
  const key = element("div", "mta-key")
  for (const s of data.series) {
    const entry = element("span", "mta-entry", `${s.label} ${s.points.at(-1)[1].toFixed(2)}`)
    entry.style.setProperty("--swatch", s.colour)
    key.append(entry)
  }
  box.append(svg, key)
  return box
}

async function cell(data, row, header) {
  const figure = element("figure", "mta-cell")
  const frame = element("div", "mta-frame")
  const caption = element("figcaption", "", data.caption)
  if (data.chart) figure.dataset.chart = ""
  if (data.chart && header.chart) {
    frame.append(chart(header.chart))
    caption.textContent = "Loss by step, each to its own scale"
  } else if (data.bars) {
    frame.append(bars(data.bars, data.alt))
  } else if (data.digest && kept.has(data.digest)) {
    const image = new Image()
    image.alt = data.alt
    image.draggable = false
    image.src = kept.get(data.digest)
    image.dataset.digest = data.digest
    if (data.panel) image.dataset.panel = data.panel
    if (data.values) image.dataset.values = data.values
    if (data.before !== undefined) figure.dataset.before = data.before
    await image.decode().catch(() => {})
    const button = element("button", "mta-open")
    button.type = "button"
    button.setAttribute("aria-label", `Enlarge: ${data.alt}`)
    button.setAttribute("aria-describedby", "mta-keys")
    button.append(image)
    frame.append(button)
    dress(frame, data)
  } else {
    frame.append(element("span", "mta-waiting", data.alt))
  }
  if (data.caption === "Difference" && row.difference?.top) {
    const note = element("div", "mta-span")
    note.title = row.difference.label
    note.append(scale(row.difference.scale, "0", row.difference.top))
    frame.append(note)
  }
  figure.append(frame, caption)
  return figure
}

// Where a figure is, in words that find the one in its place after the rows were drawn anew.
function place(figure) {
  const row = figure.parentElement
  return `.mta-row[data-row="${row.dataset.row}"] > :nth-child(${1 + [...row.children].indexOf(figure)})`
}

function focus(root, place) {
  root.querySelector(`${place} .mta-open`)?.focus({ preventScroll: true })
}

async function draw(root, header, drawn) {
  const { turn } = root
  const rows = await Promise.all(
    header.rows.map(async (row) => {
      const line = element("section", "mta-row")
      line.dataset.row = row.id
      line.setAttribute("aria-label", row.title)
      line.append(words(row), ...(await Promise.all(row.cells.map((data) => cell(data, row, header)))))
      return line
    }),
  )
  await liveEpsilon.prepare(header, kept)
  if (turn !== root.turn) return
  const isWiping = Boolean(root.querySelector(".mta-wipe:focus"))
  const focused = root.querySelector(".mta-rows .mta-open:focus")?.closest("figure")
  const back = focused && place(focused)
  root.style.setProperty("--aspect", header.aspect)
  root.style.setProperty("--count", rows.length)
  const [width, height] = header.aspect.split("/").map(Number)
  root.aspect = width / height
  root.style.setProperty("--columns", header.columns)
  root.style.setProperty("--narrow", header.columns % 2 ? header.columns : 2)
  root.querySelector(".mta-rows").replaceChildren(...rows)
  refresh(root)
  liveEpsilon.show(root, header)
  if (back) focus(root, back)
  if (isWiping) root.querySelector(".mta-wipe")?.focus({ preventScroll: true })
  root.drawn = drawn
  root.dataset.draws = Number(root.dataset.draws ?? 0) + 1
  root.setAttribute("aria-busy", String(header.progress !== null))
}

// The same part, cross-hair and divider of what was drawn anew.
function refresh(root) {
  collect(root)
  cover(root)
  show(root)
}

// Only the curves move while an attack runs: what a person is about to click, or has focused, stays what it is.
function follow(root, header) {
  for (const figure of root.querySelectorAll("[data-chart]")) {
    if (!header.chart) continue
    figure.querySelector(".mta-frame").replaceChildren(chart(header.chart))
    figure.querySelector("figcaption").textContent = "Loss by step, each to its own scale"
  }
}

// Asks for the files of pictures. An answer may be replaced, before it gets here, by the next message, which has none and
// is the same as the one before: then nothing is drawn, and nobody would ask again.
function ask(root, setTriggerValue) {
  if (!root.isConnected) return clearInterval(root.asking)
  if (!window.mtaTurning?.isLeaving(root.page)) setTriggerValue("lacks", performance.now())
}

export default function ({ parentElement, data, setTriggerValue }) {
  const [header, blob] = read(data)
  let root = parentElement.querySelector(".mta-stage")
  if (!root) {
    root = element("div", "mta-stage")
    root.page = location.pathname
    Object.assign(root, { view: newView(), panels: [], mode: "side", wipe: 50, stays: "" })
    root.append(element("div", "mta-progress"), tools(root), element("div", "mta-rows"))
    parentElement.append(root)
    mounts += 1
    root.dataset.mounts = mounts
    for (const listen of [link, linkDivider, linkScreen]) listen(root)
    wipe(root, root.wipe)
  }
  root.trigger = setTriggerValue
  const busy = header.progress !== null
  const progress = root.querySelector(".mta-progress")
  progress.classList.toggle("mta-busy", busy)
  progress.style.setProperty("--done", header.progress ?? 0)
  keep(header, blob)
  liveEpsilon.take(root, header, blob, setTriggerValue)
  keepValues(root, header, blob)
  const complete = header.rows.every((row) => row.cells.every((c) => !c.digest || kept.has(c.digest)))
  const drawn = JSON.stringify([header.rows, !header.chart, complete])
  root.setAttribute("aria-busy", String(busy || root.drawn !== drawn)) // until what was asked for is seen
  root.turn = (root.turn ?? 0) + 1 // whatever is still being decoded is not wanted any more
  clearInterval(root.asking)
  if (!complete || !liveEpsilon.has(header)) {
    ask(root, setTriggerValue)
    root.asking = setInterval(() => ask(root, setTriggerValue), 2000)
  }
  if (root.drawn === drawn || (!complete && root.drawn)) follow(root, header)
  else draw(root, header, drawn)
  if (root.drawn === drawn) liveEpsilon.prepare(header, kept).then(() => root.drawn === drawn && liveEpsilon.show(root, header))
}
