// A scene as surfaces side by side, turned together. Data: a line of JSON, then the arrays it tells of, packed by zlib.
// How they are drawn says surface_raster.js beside it.
const COLOURS = [["picture", "Picture"], ["depth", "Depth"], ["lit", "Lit"]]
const START = { yaw: -0.36, pitch: 0.18, zoom: 0.8 } // a little from the side, so that it is seen to be a surface
const MOST = { yaw: 1.75, pitch: 1.3, zoom: 6 }
const TURN = Math.PI / 24
const REST = 140 // ms without a turn after which it is drawn finely
const FINEST = 1100 // pixels across
const view = { ...START } // of all surfaces; kept while the page is
const kept = new Map() // id -> scenes

function draw(root, isFine) {
  const { scenes, header } = root
  if (!scenes || !root.isConnected) return
  root.querySelectorAll("canvas").forEach((canvas, i) => {
    const box = canvas.clientWidth
    if (!box) return
    const width = Math.max(64, Math.min(FINEST, Math.round(box * (isFine ? 2 : 1))))
    const height = Math.round(width / header.aspect)
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height]
    const pen = canvas.getContext("2d")
    const image = pen.createImageData(width, height)
    raster(scenes[i], header, view, root.colour, image, new Float32Array(width * height))
    pen.putImageData(image, 0, 0)
  })
  root.dataset.view = [view.yaw, view.pitch, view.zoom].map((v) => v.toFixed(3)).join(" ")
  root.dataset.fine = String(isFine)
  root.setAttribute("aria-busy", "false")
}

function redraw(root) {
  root.frame ??= requestAnimationFrame(() => {
    root.frame = undefined
    draw(root, false)
  })
  clearTimeout(root.rest)
  root.rest = setTimeout(() => draw(root, true), REST)
}

function move(root, { yaw = 0, pitch = 0, zoom = 1 }) {
  view.yaw = Math.max(-MOST.yaw, Math.min(MOST.yaw, view.yaw + yaw))
  view.pitch = Math.max(-MOST.pitch, Math.min(MOST.pitch, view.pitch + pitch))
  view.zoom = Math.max(1 / MOST.zoom, Math.min(MOST.zoom, view.zoom * zoom))
  redraw(root)
}

function reset(root, to) {
  Object.assign(view, to)
  redraw(root)
}

const FRONT = { yaw: 0, pitch: 0, zoom: 1 }
const BUTTONS = [
  ["←", "Turn left", (root) => move(root, { yaw: -TURN }), "ArrowLeft"],
  ["→", "Turn right", (root) => move(root, { yaw: TURN }), "ArrowRight"],
  ["↑", "Turn up", (root) => move(root, { pitch: -TURN }), "ArrowUp"],
  ["↓", "Turn down", (root) => move(root, { pitch: TURN }), "ArrowDown"],
  ["−", "Farther", (root) => move(root, { zoom: 1 / 1.15 }), "-"],
  ["+", "Nearer", (root) => move(root, { zoom: 1.15 }), "+"],
  ["Front", "Seen as the camera does", (root) => reset(root, FRONT), "Home"],
  ["Reset", "As at first", (root) => reset(root, START), "0"],
]

// One finger or the mouse turns, two fingers zoom and tilt; a finger that goes up or down scrolls the page.
function listen(root, panels) {
  const held = new Map()
  const middle = () => {
    const [a, b] = [...held.values()]
    return { y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) || 1 }
  }
  panels.addEventListener("pointerdown", (event) => {
    if (event.target.tagName !== "CANVAS" || event.button) return
    event.target.setPointerCapture(event.pointerId)
    held.set(event.pointerId, { x: event.clientX, y: event.clientY })
  })
  panels.addEventListener("pointermove", (event) => {
    const last = held.get(event.pointerId)
    if (!last) return
    const before = held.size === 2 && middle()
    const by = { x: event.clientX - last.x, y: event.clientY - last.y }
    held.set(event.pointerId, { x: event.clientX, y: event.clientY })
    if (before) {
      const now = middle()
      move(root, { zoom: now.apart / before.apart, pitch: (now.y - before.y) * 0.008 })
    } else move(root, { yaw: by.x * 0.008, pitch: event.pointerType === "mouse" ? by.y * 0.008 : 0 })
  })
  const release = (event) => held.delete(event.pointerId)
  for (const name of ["pointerup", "pointercancel"]) panels.addEventListener(name, release)
  panels.addEventListener("wheel", (event) => {
    if (document.activeElement !== panels && !event.ctrlKey) return // the page scrolls
    event.preventDefault()
    move(root, { zoom: Math.exp(-event.deltaY / 500) })
  }, { passive: false })
  panels.addEventListener("keydown", (event) => {
    const key = event.key === "=" ? "+" : event.key
    const known = BUTTONS.find((button) => button[3] === key)
    if (!known || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    known[2](root)
  })
}

function build(parent) {
  const root = element("div", "mta-surface")
  const bar = element("div", "mta-surface-bar")
  const colours = element("div", "mta-keys")
  colours.setAttribute("role", "radiogroup")
  colours.setAttribute("aria-label", "Colours of the surfaces")
  for (const [name, label] of COLOURS) {
    const made = button("", label, "", () => choose(root, name))
    made.dataset.colour = name
    made.setAttribute("role", "radio")
    colours.append(made)
  }
  chooseByKeys(colours)
  const turning = element("div", "mta-keys")
  turning.setAttribute("role", "group")
  turning.setAttribute("aria-label", "Turn the surfaces")
  for (const [sign, label, act] of BUTTONS) {
    const made = button("", sign, sign.length > 1 ? `${sign}: ${label.toLowerCase()}` : label, () => act(root))
    made.title = label
    turning.append(made)
  }
  const legend = element("div", "mta-scale")
  bar.append(colours, turning, legend)
  const panels = element("div", "mta-surface-panels")
  panels.tabIndex = 0
  panels.setAttribute("role", "group")
  panels.setAttribute("aria-label", "Surfaces, turned together: arrow keys turn, plus and minus zoom, 0 resets")
  const notes = element("div", "mta-surface-notes")
  root.append(bar, panels, notes)
  parent.append(root)
  listen(root, panels)
  root.sizes = new ResizeObserver(() => redraw(root))
  root.sizes.observe(panels)
  return root
}

function choose(root, colour) {
  paintChoice(root, colour)
  root.tell("colour", colour)
}

function paintChoice(root, colour) {
  root.colour = colour
  check(root.querySelectorAll("[data-colour]"), (one) => one.dataset.colour === colour)
  root.querySelector(".mta-scale").hidden = colour !== "depth"
  redraw(root)
}

function show(root, header) {
  root.header = header
  const panels = root.querySelector(".mta-surface-panels")
  panels.style.setProperty("--aspect", header.aspect)
  panels.style.setProperty("--scenes", header.scenes.length)
  panels.replaceChildren(...header.scenes.map(({ title, words, alt }) => {
    const figure = element("figure")
    const canvas = element("canvas")
    canvas.setAttribute("role", "img")
    canvas.setAttribute("aria-label", alt)
    const caption = element("figcaption")
    caption.append(element("b", "", title), words ? ` ${words}` : "")
    figure.append(canvas, caption)
    return figure
  }))
  const [low, high] = header.ends
  const bar = element("span", "mta-bar")
  const stops = header.palette.slice(0, 255).filter((_, i) => i % 25 === 0).map((c) => `rgb(${c.join(" ")})`)
  bar.style.background = `linear-gradient(90deg, ${stops.join(",")})`
  root.querySelector(".mta-scale").replaceChildren(element("span", "", low), bar, element("span", "", high))
  root.querySelector(".mta-surface-notes").replaceChildren(...header.notes.map((note) => element("p", "", note)))
}

// An answer may be replaced, before it gets here, by the next message, which has no arrays: then it is asked again.
function ask(root) {
  if (!root.isConnected) return clearInterval(root.asking)
  if (!window.mtaTurning?.isLeaving(root.page)) root.tell("lacks", performance.now())
}

export default function ({ parentElement, data, setTriggerValue }) {
  const [header, packed] = read(data)
  let root = parentElement.querySelector(".mta-surface")
  if (!root) {
    root = build(parentElement)
    root.page = location.pathname
    paintChoice(root, header.colour)
  }
  root.tell = setTriggerValue
  const words = JSON.stringify([header.id, header.scenes, header.notes])
  if (root.words !== words) {
    root.words = words
    root.setAttribute("aria-busy", "true")
    show(root, header)
  }
  const use = (scenes) => {
    root.scenes = scenes
    redraw(root)
  }
  clearInterval(root.asking)
  if (kept.has(header.id)) use(kept.get(header.id))
  else if (header.has_arrays) {
    unpack(header, packed).then((scenes) => {
      if (kept.size > 3) kept.delete(kept.keys().next().value)
      kept.set(header.id, scenes)
      if (root.header.id === header.id) use(scenes)
    }).catch(() => {
      root.querySelector(".mta-surface-notes").textContent = "This browser is too old to unpack the surfaces."
    })
  } else {
    root.scenes = undefined
    ask(root)
    root.asking = setInterval(() => ask(root), 2000)
  }
  return () => {
    if (root.isConnected) return
    root.sizes.disconnect()
    clearInterval(root.asking)
  }
}
