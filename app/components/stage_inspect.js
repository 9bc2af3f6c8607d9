// Mouse, touch and keys on the pictures, and what is said at the cross-hair.
const HINT =
  "Arrows move the cross-hair, with Shift by ten pixels; Escape takes it away. Plus and minus zoom, 0 shows all again. Enter enlarges, F fills the screen."
const STILL = 4 // pixels that a hand moves while it clicks
const AT_ONCE = 400 // ms within which turns of the wheel are one gesture

// Puts on a picture's frame what is shown at the cross-hair.
function dress(frame, data) {
  const cross = element("div", "mta-cross")
  cross.append(element("i"))
  const value = element("div", "mta-value")
  const open = button("mta-enlarge", "⤢")
  open.title = "Enlarge"
  open.tabIndex = -1 // by key it is Enter on the picture
  for (const part of [cross, value, open]) part.setAttribute("aria-hidden", "true")
  frame.append(cross, value, open)
  frame.dataset.caption = data.caption
}

// The panels that have a picture, as they are now.
function collect(root) {
  const frames = [...root.querySelectorAll(".mta-frame:has(.mta-open)")]
  root.panels = frames.map((frame) => ({
    frame,
    image: frame.querySelector("img"),
    value: frame.querySelector(".mta-value"),
    caption: frame.dataset.caption,
    row: frame.closest(".mta-row")?.getAttribute("aria-label") ?? "",
  }))
}

const frameOf = (event) => event.target.closest?.(".mta-open, .mta-wipe")?.closest(".mta-frame")

function placeIn(frame, event) {
  const box = frame.getBoundingClientRect()
  return [within((event.clientX - box.left) / box.width, 0, 1), within((event.clientY - box.top) / box.height, 0, 1)]
}

// Every panel's value at the cross-hair.
function tell(root) {
  const { at } = root.view
  const aspect = root.aspect ?? 4 / 3
  const isHigh = at && (at[1] - root.view.y) * root.view.zoom < 0.3
  root.classList.toggle("mta-below", Boolean(isHigh))
  if (!at) {
    root.where.textContent = ""
    return
  }
  for (const panel of root.panels) {
    const image = seen(root, panel, at)
    const live = image === panel.image && panel.frame.live // covered with what the slider of epsilon makes of it
    const found = live ? composedAt(live, image, at, aspect) : valueAt(image, at, aspect)
    panel.value.hidden = !found
    if (!found) continue
    if (panel.value.textContent !== found.text) panel.value.textContent = found.text
    panel.value.style.setProperty("--swatch", found.colour ?? "transparent")
    panel.value.classList.toggle("mta-named", Boolean(found.colour))
  }
  const main = root.panels[0]
  if (main) root.where.textContent = pixelAt(main.image, at, aspect).map((n, i) => `${"xy"[i]} ${n}`).join(", ")
  askValues(root)
}

// Asks for the values of what is on the stage; again after a while, for an answer may have been replaced by a message.
// Each time after twice as long: a server that is slow would be kept from answering.
function askValues(root) {
  const lacking = [...new Set(root.panels.map(({ image }) => image.dataset.values))].filter((d) => d && !readings.has(d))
  const asked = lacking.join()
  const isSame = root.lacking === asked
  if (!lacking.length || (isSame && performance.now() - root.askedAt < root.patience)) return
  if (!root.isConnected || window.mtaTurning?.isLeaving(root.page)) return
  root.patience = isSame ? 2 * root.patience : 2000
  root.lacking = asked
  root.askedAt = performance.now()
  root.trigger("inspects", lacking)
  clearTimeout(root.reminder)
  root.reminder = setTimeout(() => root.view.at && askValues(root), root.patience + 50)
}

function move(root, event) {
  const held = root.held
  if (held?.points.has(event.pointerId)) return drag(root, event)
  const frame = frameOf(event)
  if (event.pointerType !== "mouse") return
  if (frame) goWith(root, frame, event)
  else if (!root.stays && root.view.at) point(root, null)
}

// The cross-hair goes with the mouse, unless a click keeps it; where keys or a finger put it, until the mouse is back.
function goWith(root, frame, event) {
  if (root.stays === "kept") return
  root.stays = ""
  point(root, ...placeIn(frame, event))
}

function keepPlace(root, frame, event) {
  const isLet = root.stays === "kept"
  root.stays = isLet ? "" : "kept"
  root.classList.toggle("mta-kept", !isLet)
  point(root, ...placeIn(frame, event))
}

function press(root, event) {
  const frame = frameOf(event)
  if (!frame || event.button || event.target.closest(".mta-wipe")) return
  if (event.isPrimary || !root.held) root.held = { frame, points: new Map(), moved: false }
  root.held.points.set(event.pointerId, [event.clientX, event.clientY])
}

function drag(root, event) {
  const { held } = root
  const before = [...held.points.values()]
  const [x, y] = held.points.get(event.pointerId)
  if (!held.moved && held.points.size < 2 && Math.hypot(event.clientX - x, event.clientY - y) < STILL) return
  const isScroll = event.pointerType !== "mouse" && held.points.size < 2 && Math.abs(event.clientY - y) >= Math.abs(event.clientX - x)
  held.scrolls ??= isScroll // up or down with one finger is the page's
  if (held.scrolls && held.points.size < 2) return
  if (!held.moved) {
    held.moved = true
    root.setPointerCapture(event.pointerId) // the picture may be replaced meanwhile
    root.classList.add("mta-dragged")
  }
  held.points.set(event.pointerId, [event.clientX, event.clientY])
  const box = held.frame.isConnected ? held.frame.getBoundingClientRect() : (held.box ?? root.getBoundingClientRect())
  held.box = box
  const after = [...held.points.values()]
  const [from, to] = [middle(before), middle(after)]
  const place = [(to.x - box.left) / box.width, (to.y - box.top) / box.height]
  if (root.view.zoom > 1 || after.length > 1) pan(root, (to.x - from.x) / box.width, (to.y - from.y) / box.height)
  if (after.length > 1 && from.apart) zoomTo(root, (root.view.zoom * to.apart) / from.apart, ...place)
  else if (root.stays !== "kept") {
    root.stays = event.pointerType === "mouse" ? "" : "left"
    point(root, within(place[0], 0, 1), within(place[1], 0, 1))
  }
}

function middle(points) {
  const [[x, y], [z, w]] = points.length > 1 ? points : [points[0], points[0]]
  return { x: (x + z) / 2, y: (y + w) / 2, apart: Math.hypot(x - z, y - w) }
}

function release(root, event) {
  const { held } = root
  if (!held?.points.delete(event.pointerId)) return
  const frame = held.frame.isConnected && event.type === "pointerup" && !held.moved && !held.scrolls && held.frame
  if (frame && event.pointerType === "mouse") keepPlace(root, frame, event)
  else if (frame) {
    root.stays = "left"
    point(root, ...placeIn(frame, event))
  }
  if (!held.points.size) {
    root.held = null
    root.classList.remove("mta-dragged")
  }
}

// The wheel zooms, but a scroll that is under way goes on, and what shows all scrolls on downwards.
function turnWheel(root, event) {
  const frame = frameOf(event)
  if (!frame) return
  const { view } = root
  const isIn = event.deltaY < 0
  const isMeant = event.ctrlKey || event.metaKey || view.zoom > 1 || root.classList.contains("mta-full")
  if (!isMeant && performance.now() - root.scrolledAt < AT_ONCE) return
  if (!isMeant && !isIn && performance.now() - (root.zoomedAt ?? -AT_ONCE) > AT_ONCE) return
  event.preventDefault()
  root.zoomedAt = performance.now()
  const lines = event.deltaMode ? 16 : 1
  const speed = event.ctrlKey && Math.abs(event.deltaY) < 40 ? 0.01 : 0.002
  zoomTo(root, view.zoom * Math.exp(-within(event.deltaY * lines, -240, 240) * speed), ...placeIn(frame, event))
  goWith(root, frame, event)
}

function pressKey(root, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !event.target.closest(".mta-open")) return
  const image = event.target.closest(".mta-open").querySelector("img")
  const { view } = root
  const [x, y] = view.at ?? [view.x + 0.5 / view.zoom, view.y + 0.5 / view.zoom]
  const place = [(x - view.x) * view.zoom, (y - view.y) * view.zoom]
  const far = event.shiftKey ? 10 : 1
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
  if (step) {
    const [column, row] = view.at ? pixelAt(image, view.at, root.aspect) : pixelAt(image, [x, y], root.aspect)
    const moved = view.at ? far : 0 // the first shows where it is
    seek(root, (column + 0.5 + moved * step[0]) / image.naturalWidth, (row + 0.5 + moved * step[1]) / image.naturalHeight)
  } else if (event.key === "+" || event.key === "=") zoomTo(root, view.zoom * 1.5, ...place)
  else if (event.key === "-" || event.key === "_") zoomTo(root, view.zoom / 1.5, ...place)
  else if (event.key === "0") zoomTo(root, 1)
  else if (event.key === "Escape" && view.at && !event.target.closest("dialog")) return void letGo(root)
  else if (event.key === "f" || event.key === "F") return void fill(root)
  else if (event.key === "b" || event.key === "B") return void turnOver(root)
  else return
  event.preventDefault()
  root.stays ||= "left"
  clearTimeout(root.saying)
  root.saying = setTimeout(() => say(root, event.target.closest(".mta-frame")), 300)
}

function letGo(root) {
  root.stays = ""
  root.classList.remove("mta-kept")
  point(root, null)
}

// Says where the cross-hair is, and what is there in the row of a panel.
function say(root, frame) {
  const { view } = root
  const name = root.panels.find((panel) => panel.frame === frame)?.row
  const told = root.panels.filter((panel) => view.at && panel.row === name && !panel.value.hidden)
  const values = told.map(({ caption, value }) => `${caption}: ${value.textContent.replace("\n", " ")}`)
  const zoom = view.zoom > 1 ? `zoom ${view.zoom.toFixed(1)}` : "the whole picture"
  root.said.textContent = [zoom, root.where.textContent, ...values].filter(Boolean).join(". ")
}

function enlarge(root, figure) {
  const image = figure.querySelector("img")
  const dialog = element("dialog", "mta-dialog")
  dialog.setAttribute("aria-label", image.alt)
  const frame = figure.querySelector(".mta-frame").cloneNode(true)
  frame.querySelector(".mta-enlarge").remove()
  frame.clean = root.panels.find((panel) => panel.frame === figure.querySelector(".mta-frame"))?.before
  const close = button("mta-close", "Close", "", () => dialog.close())
  const foot = element("div", "mta-foot")
  foot.append(element("p", "", image.alt), close)
  dialog.append(frame, foot)
  dialog.onclick = (event) => event.target === dialog && dialog.close()
  const back = place(figure)
  dialog.onclose = () => {
    dialog.remove()
    refresh(root)
    focus(root, back)
  }
  root.append(dialog)
  dialog.showModal()
  refresh(root)
  frame.querySelector(".mta-open").focus({ preventScroll: true })
}

function link(root) {
  root.onpointermove = (event) => move(root, event)
  root.onpointerdown = (event) => press(root, event)
  root.onpointerup = root.onpointercancel = (event) => release(root, event)
  root.onpointerleave = () => !root.stays && !root.held && point(root, null)
  root.onkeydown = (event) => pressKey(root, event)
  root.ondblclick = (event) => {
    const frame = frameOf(event)
    if (!frame) return
    if (root.view.zoom > 1) zoomTo(root, 1)
    else zoomTo(root, 4, ...placeIn(frame, event))
  }
  root.onclick = (event) => {
    const button = event.target.closest?.(".mta-open, .mta-enlarge")
    const isKey = event.detail === 0 // Enter: a click of the mouse is a place in the picture
    if (button && (isKey || button.matches(".mta-enlarge")) && !button.closest("dialog")) enlarge(root, button.closest("figure"))
  }
  const twoFingers = (event) => event.touches.length > 1 && frameOf(event) && event.cancelable && event.preventDefault()
  root.addEventListener("wheel", (event) => turnWheel(root, event), { passive: false })
  root.addEventListener("touchstart", twoFingers, { passive: false })
  root.addEventListener("touchmove", twoFingers, { passive: false })
  const scrolled = () => {
    root.scrolledAt = performance.now()
    if (!root.isConnected) removeEventListener("scroll", scrolled, true)
  }
  root.scrolledAt = -AT_ONCE
  addEventListener("scroll", scrolled, { capture: true, passive: true })
}
