// Scrubbing through the steps of an attack. Data: a line of JSON, then the files it names. The browser asks for files,
// what is near the step it shows first, and keeps them: then a step is shown without asking anybody. How it is drawn says
// replay_panels.js beside it.
const BATCH = 24 // files in a request
const AGAIN = 2500 // ms after which an answer that did not come is asked for once more
const TOLD = 500 // ms at rest after which the link learns the step
const BITMAPS = 260 // decoded outputs
const LEVELS = 140 // unpacked perturbations
const kept = new Map() // replay's id -> name -> blob

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

const stepOf = (root) => root.header.steps[Number(root.slider.value)]

function shown(root) {
  return root.header.perturbations.find(({ name }) => name === root.chosen) ?? root.header.perturbations[0]
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

function build(parent) {
  const root = element("div", "mta-replay")
  root.page = location.pathname
  const bar = element("div", "mta-replay-bar")
  root.button = button("mta-play", "▶ Play", "", () => play(root, !root.playing))
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
  chooseByKeys(root.whose)
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
  check(root.whose.children, (one) => one.dataset.name === shown(root).name)
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
  root.clean = new Ready(root.files, 1, async (blob) => new Uint8Array(await inflate(blob)), again)
  root.levels = new Ready(root.files, LEVELS, async (blob) => new Int8Array(await inflate(blob)), again)
  root.bitmaps = new Ready(root.files, BITMAPS, (blob) => createImageBitmap(blob), again)
  if (root.playing) play(root, false)
  root.slider.max = header.steps.length - 1
  root.slider.value = header.steps.indexOf(header.at)
  root.style.setProperty("--aspect", header.size[1] / header.size[0])
  root.panels = [panel("Adversarial picture"), panel("Perturbation")]
  for (const { title, colour } of header.tasks) root.panels.push(panel(title, { chart: true, colour }))
  root.place.replaceChildren(...root.panels.map((one) => one.figure))
  const buttons = header.perturbations.map(({ name, title }) => {
    const made = button("", `For ${title}`, "", () => {
      choose(root, name)
      ask(root)
    })
    made.dataset.name = name
    made.setAttribute("role", "radio")
    return made
  })
  root.whose.replaceChildren(...(buttons.length > 1 ? buttons : []))
  root.notes.replaceChildren(...header.notes.map((note) => element("p", "", note)))
  choose(root, root.chosen)
}

function tellJob(root, { done, count, running, stopped }) {
  const words = done < count ? `Outputs of ${done} of ${count} pictures${running ? " …" : ""}` : ""
  root.job.firstChild?.nodeType === Node.TEXT_NODE || root.job.prepend("")
  root.job.firstChild.data = words
  let one = root.job.querySelector("button")
  if (!running && !stopped) return one?.remove()
  if (!one) {
    one = button("")
    root.job.append(one)
  }
  one.textContent = running ? "Stop computing" : "Compute the rest"
  one.onclick = () => ask(root, { work: running ? "stop" : "go" })
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
