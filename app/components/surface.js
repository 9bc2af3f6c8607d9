// A scene as surfaces side by side, turned together. Data: a line of JSON, then the arrays it tells of, packed by zlib.
// Drawn without WebGL, which not every machine has: 24,000 triangles a surface are a few milliseconds of any processor.
const COLOURS = [["picture", "Picture"], ["depth", "Depth"], ["lit", "Lit"]]
const LAMP = [-0.46, 0.66, 0.59] // direction to the lamp, in the camera's coordinates
const DIM = 0.26 // of a surface that turns away from it
const START = { yaw: -0.36, pitch: 0.18, zoom: 0.8 } // a little from the side, so that it is seen to be a surface
const MOST = { yaw: 1.75, pitch: 1.3, zoom: 6 }
const TURN = Math.PI / 24
const REST = 140 // ms without a turn after which it is drawn finely
const FINEST = 1100 // pixels across
const view = { ...START } // of all surfaces; kept while the page is
const kept = new Map() // id -> scenes

function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

function read(data) {
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)
  const end = bytes.indexOf(10)
  return [JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))), bytes.slice(end + 1)]
}

async function unpack(header, packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))
  const buffer = await new Response(stream).arrayBuffer()
  let at = 0
  const take = (Kind, count) => {
    const made = new Kind(buffer.slice(at, at + count * Kind.BYTES_PER_ELEMENT))
    at += count * Kind.BYTES_PER_ELEMENT
    return made
  }
  return header.scenes.map(({ grid: [rows, columns], size: [height, width], normals: [high, wide] }) => ({
    rows, columns, height, width, high, wide,
    points: take(Float32Array, (rows + 1) * (columns + 1) * 3),
    quads: take(Uint8Array, rows * columns),
    picture: take(Uint8Array, height * width * 3),
    tones: take(Uint8Array, height * width),
    normals: take(Int8Array, high * wide * 3),
    textures: {},
  }))
}

const rgba = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r

// What a surface is covered with: colours, and their rows and columns.
function texture(scene, colour, palette) {
  return (scene.textures[colour] ??= paint(scene, colour, palette))
}

function paint({ picture, tones, normals, height, width, high, wide }, colour, palette) {
  const isLit = colour === "lit"
  const made = new Int32Array(isLit ? high * wide : height * width)
  for (let i = 0; i < made.length; i++) {
    const k = 3 * i
    if (colour === "picture") made[i] = rgba(picture[k], picture[k + 1], picture[k + 2])
    else if (colour === "depth") made[i] = rgba(...palette[tones[i]])
    else {
      const known = normals[k] || normals[k + 1] || normals[k + 2]
      const facing = (normals[k] * LAMP[0] + normals[k + 1] * LAMP[1] + normals[k + 2] * LAMP[2]) / 127
      const light = 250 * (known ? DIM + (1 - DIM) * Math.max(0, facing) : 0.5)
      made[i] = rgba(light, 0.985 * light, 0.95 * light)
    }
  }
  return isLit ? { pixels: made, high, wide } : { pixels: made, high: height, wide: width }
}

// Where the points of a scene are on a canvas, how near, and which pixel of the texture they wear.
function project(scene, header, width, height, cover) {
  const { rows, columns, points } = scene
  const count = (rows + 1) * (columns + 1)
  const at = (scene.at ??= new Float32Array(5 * count))
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)]
  const focal = header.focal * width * view.zoom
  const { middle, stride } = header
  const [top, left] = header.cut.map((cut) => cut + stride / 2)
  for (let i = 0; i < count; i++) {
    const x = points[3 * i], y = points[3 * i + 1], z = points[3 * i + 2] + middle
    const across = cy * x + sy * z
    const ahead = cy * z - sy * x
    const up = cp * y - sp * ahead
    const nearness = 1 / (middle - (cp * ahead + sp * y))
    at[5 * i] = width / 2 + focal * across * nearness
    at[5 * i + 1] = height / 2 - focal * up * nearness
    at[5 * i + 2] = nearness > 0 && nearness * middle < 12 ? nearness : 0 // not behind the eye, nor in it
    at[5 * i + 3] = ((left + stride * (i % (columns + 1))) * cover.wide) / scene.width
    at[5 * i + 4] = ((top + stride * Math.floor(i / (columns + 1))) * cover.high) / scene.height
  }
  return at
}

function raster(scene, header, colour, image, near) {
  const { width, height } = image
  const out = new Int32Array(image.data.buffer)
  const cover = texture(scene, colour, header.palette)
  const at = project(scene, header, width, height, cover)
  near.fill(0)
  const triangle = (a, b, c) => {
    const na = at[a + 2], nb = at[b + 2], nc = at[c + 2]
    if (!na || !nb || !nc) return
    const ax = at[a], ay = at[a + 1], bx = at[b], by = at[b + 1], cx = at[c], cy = at[c + 1]
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if (!area) return
    const left = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5)), right = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5))
    const top = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5)), bottom = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5))
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const px = x + 0.5, py = y + 0.5
        const wb = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) / area
        const wc = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / area
        const wa = 1 - wb - wc
        if (wa < -1e-4 || wb < -1e-4 || wc < -1e-4) continue
        const nearness = wa * na + wb * nb + wc * nc
        const pixel = y * width + x
        if (nearness <= near[pixel]) continue
        near[pixel] = nearness
        const u = (wa * at[a + 3] + wb * at[b + 3] + wc * at[c + 3]) | 0
        const v = (wa * at[a + 4] + wb * at[b + 4] + wc * at[c + 4]) | 0
        out[pixel] = cover.pixels[v * cover.wide + u]
      }
    }
  }
  const { rows, columns, quads } = scene
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!quads[row * columns + column]) continue
      const a = 5 * (row * (columns + 1) + column), c = a + 5 * (columns + 1)
      triangle(a, a + 5, c)
      triangle(a + 5, c + 5, c)
    }
  }
}

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
    raster(scenes[i], header, root.colour, image, new Float32Array(width * height))
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
    const button = element("button", "", label)
    button.type = "button"
    button.dataset.colour = name
    button.setAttribute("role", "radio")
    button.onclick = () => choose(root, name)
    colours.append(button)
  }
  colours.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    const buttons = [...colours.children]
    const next = buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length)
    next.focus()
    next.click()
  }
  const turning = element("div", "mta-keys")
  turning.setAttribute("role", "group")
  turning.setAttribute("aria-label", "Turn the surfaces")
  for (const [sign, label, act] of BUTTONS) {
    const button = element("button", "", sign)
    button.type = "button"
    button.setAttribute("aria-label", sign.length > 1 ? `${sign}: ${label.toLowerCase()}` : label)
    button.title = label
    button.onclick = () => act(root)
    turning.append(button)
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
  for (const button of root.querySelectorAll("[data-colour]")) {
    const is = button.dataset.colour === colour
    button.setAttribute("aria-checked", String(is))
    button.tabIndex = is ? 0 : -1
  }
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
