// Scrubbing through the steps of an attack. Data: a line of JSON, then the files it names. The browser asks for files,
// what is near the step it shows first, and keeps them: then a step is shown without asking anybody.
const BATCH = 24 // files in a request
const AGAIN = 2500 // ms after which an answer that did not come is asked for once more
const TOLD = 500 // ms at rest after which the link learns the step
const BITMAPS = 260 // decoded outputs
const LEVELS = 140 // unpacked perturbations
const kept = new Map() // replay's id -> name -> blob

function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

function read(data) {
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)
  const end = bytes.indexOf(10)
  return [JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))), bytes.subarray(end + 1)]
}

async function unpack(blob) {
  const stream = blob.stream().pipeThrough(new DecompressionStream("deflate"))
  return new Response(stream).arrayBuffer()
}

// The last ones used, made ready from their blobs; `ready` is called when one that was missing is there.
class Ready {
  constructor(files, most, make, ready) {
    Object.assign(this, { files, most, make, ready, made: new Map(), making: new Set() })
  }
  get(name) {
    const known = this.made.get(name)
    if (known) {
      this.made.delete(name)
      this.made.set(name, known)
      return known
    }
    if (this.files.has(name) && !this.making.has(name)) {
      this.making.add(name)
      this.make(this.files.get(name)).then((made) => {
        this.made.set(name, made)
        if (this.made.size > this.most) this.made.delete(this.made.keys().next().value)
      }).catch(() => this.files.delete(name)).finally(() => {
        this.making.delete(name)
        this.ready()
      })
    }
    return undefined
  }
}

// Of the steps of which there is something, the last that is not later.
function latest(steps, step) {
  let found
  for (const known of Object.keys(steps).map(Number)) if (known <= step && (found === undefined || known > found)) found = known
  return found
}

const stepOf = (root) => root.header.steps[Number(root.slider.value)]

function shown(root) {
  return root.header.perturbations.find(({ name }) => name === root.chosen) ?? root.header.perturbations[0]
}

function pen(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height]
  return canvas.getContext("2d")
}

// The picture and the perturbation of a step, put together here: clean + top * sign * (level / levels) ^ power.
function compose(root, step) {
  const { header } = root
  const [height, width] = header.size
  const { name, tops, gain, title } = shown(root)
  const done = latest(tops, step)
  const clean = root.clean.get("clean")
  const levels = done === undefined ? new Int8Array(height * width * 3) : root.levels.get(`frame/${name}/${done}`)
  const [picture, difference] = root.panels
  for (const panel of [picture, difference]) panel.frame.dataset.waiting = String(!clean || !levels)
  if (!clean || !levels) return
  const top = done === undefined ? 0 : tops[done]
  const table = new Float32Array(256)
  for (let level = -128; level < 128; level++) {
    table[level & 255] = 255 * top * Math.sign(level) * (Math.abs(level) / header.levels) ** header.power
  }
  const pens = [picture, difference].map((panel) => pen(panel.canvas, width, height))
  const [seen, change] = pens.map((one) => one.createImageData(width, height))
  for (let i = 0, k = 0; i < clean.length; k++) {
    for (let channel = 0; channel < 3; channel++, i++) {
      const by = table[levels[i] & 255]
      seen.data[4 * k + channel] = clean[i] + by
      change.data[4 * k + channel] = 127.5 + gain * by
    }
    seen.data[4 * k + 3] = change.data[4 * k + 3] = 255
  }
  pens[0].putImageData(seen, 0, 0)
  pens[1].putImageData(change, 0, 0)
  picture.title.textContent = step ? "Adversarial picture" : "Clean picture"
  difference.title.textContent = `Perturbation ×${gain}`
  picture.words.textContent = `for ${title}`
  difference.words.textContent = `largest ${(255 * top).toFixed(2)}/255`
  picture.canvas.setAttribute("aria-label", `${step ? "Adversarial" : "Clean"} picture for ${title} after step ${step}`)
  difference.canvas.setAttribute("aria-label", `Perturbation for ${title} after step ${step}, amplified ${gain} times`)
  root.dataset.picture = `${name} ${done ?? 0}`
}

function drawOutput(root, panel, told, step) {
  const { tops } = root.header.perturbations.find(({ name }) => name === told.owner)
  const at = latest(tops, step) ?? 0 // it may have ended before, or not every step is kept
  const seen = told.seen[at]
  const [height, width] = root.header.size
  const waiting = root.header.job.running ? "true" : "stopped"
  const bitmap = seen && !seen.bars ? root.bitmaps.get(`output/${told.name}/${at}`) : undefined
  panel.frame.dataset.waiting = seen?.bars || bitmap ? "false" : seen ? "true" : waiting
  if (seen?.bars) {
    panel.frame.replaceChildren(bars(seen.bars, told.title))
  } else if (bitmap) {
    pen(panel.canvas, width, height).drawImage(bitmap, 0, 0)
    panel.canvas.setAttribute("aria-label", `${told.title} after step ${step}: ${seen.measure}`)
  }
  panel.value.textContent = seen ? seen.measure : "…"
  const loss = seen?.loss ?? told.curve.find(([x]) => x === at)?.[1]
  panel.words.textContent = `${told.measure} · loss ${loss === undefined ? "…" : loss.toFixed(3)}`
  panel.marker.setAttribute("x1", step)
  panel.marker.setAttribute("x2", step)
  panel.frame.dataset.step = at
}

function bars(list, title) {
  const made = element("ol", "mta-bars")
  made.setAttribute("aria-label", title)
  for (const [name, probability, mark] of list) {
    const item = element("li", mark ? `mta-${mark}` : "")
    item.style.setProperty("--share", `${100 * probability}%`)
    item.append(element("span", "", name), element("span", "", `${Math.round(100 * probability)} %`))
    made.append(item)
  }
  return made
}

function drawChart(panel, told, total) {
  const points = Object.entries(told.seen).filter(([, s]) => s.loss !== null).map(([x, s]) => [Number(x), s.loss])
  const every = [...told.curve, ...points].map(([, loss]) => loss)
  const low = Math.min(...every)
  const high = Math.max(...every, low + 1e-3 * Math.abs(low) + 1e-9)
  const y = (loss) => (96 - (92 * (loss - low)) / (high - low)).toFixed(2)
  panel.chart.setAttribute("viewBox", `0 0 ${Math.max(1, total)} 100`)
  const line = [...told.curve, ...points.filter(([x]) => x && x === points.at(-1)[0] && x > (told.curve.at(-1)?.[0] ?? x))]
  panel.line.setAttribute("points", line.map(([x, loss]) => `${x},${y(loss)}`).join(" "))
  panel.dots.setAttribute("d", points.map(([x, loss]) => `M${x} ${y(loss)}h0`).join(""))
  const scale = every.length ? [`loss ${low.toFixed(2)} to ${high.toFixed(2)}`, `step ${total}`] : ["", ""]
  panel.axis.replaceChildren(...scale.map((text) => element("span", "", text)))
  panel.chart.setAttribute("aria-label", `Loss of ${told.title} by step, from ${low.toFixed(2)} to ${high.toFixed(2)}`)
}

function draw(root) {
  root.pending = undefined
  if (!root.header || !root.isConnected) return
  const step = stepOf(root)
  const total = root.header.steps.at(-1)
  root.output.textContent = `Step ${step} of ${total}`
  root.slider.setAttribute("aria-valuetext", step ? `Step ${step} of ${total}` : "Clean picture, before the first step")
  compose(root, step)
  root.header.tasks.forEach((told, i) => drawOutput(root, root.panels[2 + i], told, step))
  root.dataset.step = step
}

function redraw(root) {
  root.pending ??= requestAnimationFrame(() => draw(root))
}

// What is still to be had, the nearest to the step shown first.
function wants(root) {
  const { header } = root
  const step = stepOf(root)
  const { name, tops } = shown(root)
  const names = Object.keys(tops).map((done) => [`frame/${name}/${done}`, Math.abs(done - step)])
  for (const told of header.tasks) {
    for (const [at, seen] of Object.entries(told.seen)) {
      if (!seen.bars) names.push([`output/${told.name}/${at}`, Math.abs(at - step) - 0.5])
    }
  }
  const missing = names.filter(([one]) => !root.files.has(one)).sort((a, b) => a[1] - b[1])
  return [...(root.files.has("clean") ? [] : ["clean"]), ...missing.map(([one]) => one)].slice(0, BATCH)
}

function ask(root, more = {}) {
  if (!root.isConnected || window.mtaTurning?.isLeaving(root.page)) return
  const missing = wants(root)
  const isPlain = !Object.keys(more).length
  if (isPlain && (!missing.length || root.isAsking)) return
  clearTimeout(root.asking)
  root.isAsking = true
  const step = stepOf(root)
  root.tell("asks", { n: performance.now(), step, is_last: step === root.header.steps.at(-1), wants: missing, ...more })
  root.asking = setTimeout(() => {
    root.isAsking = false
    ask(root)
  }, AGAIN)
}

function go(root, index) {
  const last = root.header.steps.length - 1
  root.slider.value = Math.max(0, Math.min(last, index))
  moved(root)
}

function moved(root) {
  redraw(root)
  clearTimeout(root.telling)
  root.telling = setTimeout(() => root.playing || ask(root, { told: true }), TOLD)
}

function play(root, is) {
  clearInterval(root.playing)
  root.playing = undefined
  root.button.textContent = is ? "❚❚ Pause" : "▶ Play"
  if (!is) return moved(root)
  const last = root.header.steps.length - 1
  if (Number(root.slider.value) >= last) go(root, 0)
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches
  const pause = isCalm ? 1000 : Math.max(60, Math.min(450, 4500 / last))
  root.playing = setInterval(() => {
    if (!root.isConnected) return clearInterval(root.playing)
    go(root, Number(root.slider.value) + 1)
    if (Number(root.slider.value) >= last) play(root, false)
  }, pause)
}

function panel(title, { chart, colour } = {}) {
  const figure = element("figure")
  const made = { figure, title: element("h4", "", title), frame: element("div", "mta-replay-frame") }
  made.canvas = element("canvas")
  made.canvas.setAttribute("role", "img")
  made.canvas.setAttribute("aria-label", title)
  made.frame.append(made.canvas)
  const caption = element("figcaption")
  made.value = element("b")
  made.words = element("small")
  caption.append(made.value, made.words)
  figure.append(made.title, made.frame, caption)
  if (chart) {
    const shape = (name, className) => {
      const one = document.createElementNS("http://www.w3.org/2000/svg", name)
      if (className) one.setAttribute("class", className)
      return one
    }
    made.chart = shape("svg", "mta-replay-chart")
    made.chart.setAttribute("preserveAspectRatio", "none")
    made.chart.setAttribute("role", "img")
    made.chart.style.setProperty("--mark", colour)
    made.line = shape("polyline")
    made.dots = shape("path")
    made.marker = shape("line", "mta-marker")
    made.marker.setAttribute("y1", 0)
    made.marker.setAttribute("y2", 100)
    made.chart.append(made.line, made.dots, made.marker)
    made.axis = element("div", "mta-replay-axis")
    figure.append(made.chart, made.axis)
  }
  return made
}

function build(parent) {
  const root = element("div", "mta-replay")
  root.page = location.pathname
  const bar = element("div", "mta-replay-bar")
  root.button = element("button", "mta-play", "▶ Play")
  root.button.type = "button"
  root.button.onclick = () => play(root, !root.playing)
  root.slider = element("input")
  root.slider.type = "range"
  root.slider.min = 0
  root.slider.setAttribute("aria-label", "Step of the attack")
  root.slider.oninput = () => {
    if (root.playing) play(root, false)
    moved(root)
  }
  root.output = element("output")
  root.output.setAttribute("aria-hidden", "true") // the slider says it
  root.whose = element("div", "mta-keys")
  root.whose.setAttribute("role", "radiogroup")
  root.whose.setAttribute("aria-label", "Perturbation shown")
  root.job = element("div", "mta-replay-job")
  bar.append(root.button, root.slider, root.output, root.whose, root.job)
  root.place = element("div", "mta-replay-panels")
  root.notes = element("div")
  root.append(bar, root.place, root.notes)
  parent.append(root)
  return root
}

function choose(root, name) {
  root.chosen = name
  for (const button of root.whose.children) {
    const is = button.dataset.name === shown(root).name
    button.setAttribute("aria-checked", String(is))
    button.tabIndex = is ? 0 : -1
  }
  redraw(root)
}

// What is the same for all messages of a replay.
function begin(root, header) {
  root.header = header
  if (!kept.has(header.id)) {
    for (const id of kept.keys()) if (kept.size > 1) kept.delete(id)
    kept.set(header.id, new Map())
  }
  root.files = kept.get(header.id)
  const again = () => redraw(root)
  root.clean = new Ready(root.files, 1, async (blob) => new Uint8Array(await unpack(blob)), again)
  root.levels = new Ready(root.files, LEVELS, async (blob) => new Int8Array(await unpack(blob)), again)
  root.bitmaps = new Ready(root.files, BITMAPS, (blob) => createImageBitmap(blob), again)
  if (root.playing) play(root, false)
  root.slider.max = header.steps.length - 1
  root.slider.value = header.steps.indexOf(header.at)
  root.style.setProperty("--aspect", header.size[1] / header.size[0])
  root.panels = [panel("Adversarial picture"), panel("Perturbation")]
  for (const { title, colour } of header.tasks) root.panels.push(panel(title, { chart: true, colour }))
  root.place.replaceChildren(...root.panels.map((one) => one.figure))
  const buttons = header.perturbations.map(({ name, title }) => {
    const button = element("button", "", `For ${title}`)
    button.type = "button"
    button.dataset.name = name
    button.setAttribute("role", "radio")
    button.onclick = () => {
      choose(root, name)
      ask(root)
    }
    return button
  })
  root.whose.replaceChildren(...(buttons.length > 1 ? buttons : []))
  root.whose.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    const next = buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length)
    next.focus()
    next.click()
  }
  root.notes.replaceChildren(...header.notes.map((note) => element("p", "", note)))
  choose(root, root.chosen)
}

function tellJob(root, { done, count, running, stopped }) {
  const words = done < count ? `Outputs of ${done} of ${count} pictures${running ? " …" : ""}` : ""
  root.job.firstChild?.nodeType === Node.TEXT_NODE || root.job.prepend("")
  root.job.firstChild.data = words
  let button = root.job.querySelector("button")
  if (!running && !stopped) return button?.remove()
  if (!button) {
    button = element("button")
    button.type = "button"
    root.job.append(button)
  }
  button.textContent = running ? "Stop computing" : "Compute the rest"
  button.onclick = () => ask(root, { work: running ? "stop" : "go" })
}

export default function ({ parentElement, data, setTriggerValue }) {
  const [header, blob] = read(data)
  const root = parentElement.querySelector(".mta-replay") ?? build(parentElement)
  root.tell = setTriggerValue
  if (root.header?.id !== header.id) begin(root, header)
  else root.header = header
  let offset = 0
  for (const [name, length] of header.files) {
    if (!root.files.has(name)) {
      const type = name.startsWith("output/") ? "image/png" : "application/octet-stream"
      root.files.set(name, new Blob([blob.slice(offset, offset + length)], { type }))
    }
    offset += length
  }
  const total = header.steps.at(-1)
  header.tasks.forEach((told, i) => drawChart(root.panels[2 + i], told, total))
  tellJob(root, header.job)
  redraw(root)
  if (header.files.length) root.isAsking = false
  ask(root, header.files.length && !wants(root).length ? { thanks: true } : {}) // else they would come again and again
  return () => {
    if (root.isConnected) return
    clearInterval(root.playing)
    clearTimeout(root.asking)
    clearTimeout(root.telling)
  }
}
