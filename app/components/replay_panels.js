// What is seen of a step: the picture, its perturbation, and of each task the output and the loss.
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

// Of the steps of which there is something, the last that is not later.
function latest(steps, step) {
  let found
  for (const known of Object.keys(steps).map(Number)) if (known <= step && (found === undefined || known > found)) found = known
  return found
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
  const known = at ? told.curve.find(([x]) => x === at)?.[1] : undefined // its first is of the random start, not of the clean picture
  const loss = seen?.loss ?? known
  panel.words.textContent = `${told.measure} · loss ${loss === undefined ? "…" : loss.toFixed(3)}`
  panel.marker.setAttribute("x1", step)
  panel.marker.setAttribute("x2", step)
  panel.frame.dataset.step = at
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
