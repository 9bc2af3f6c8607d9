// Epsilon under the finger: while its slider moves, pictures that depend on it are composed here, at once, from the clean
// picture and a direction (see app/scaled.py), until those of the result take their place. Where one preview of the
// victim's answers takes little time they follow while it moves: one is asked for at a time, and then as long a pause is
// made as it took, for the pictures.
const liveEpsilon = (() => {
  const KEPT = 4 // directions; heard.py counts on as many
  const QUICK = 0.5 // seconds within which the server has a preview, for the answers to follow
  const PATIENCE = 5000 // ms after which an answer that does not come is not waited for any more
  const directions = new Map() // digest -> Int16Array, red, green and blue of each pixel
  const cleans = new Map() // digest -> ImageData
  let stage // the one on the page

  // What `header` names and `blob` ends with.
  function take(root, header, blob, tell) {
    const files = header.live?.files ?? []
    const behind = (header.values ?? []).reduce((sum, [, length]) => sum + length, 0) // those at the cursor
    let offset = files.reduce((rest, [, length]) => rest - length, blob.length - behind)
    for (const [digest, length] of files) {
      const bytes = blob.slice(offset, offset + length)
      directions.set(digest, new Int16Array(bytes.buffer, bytes.byteOffset, length / 2))
      offset += length
    }
    for (const { file } of header.live?.panels ?? []) {
      const direction = directions.get(file) // the one used last is the last to go
      directions.delete(file)
      if (direction) directions.set(file, direction)
    }
    for (const digest of directions.keys()) if (directions.size > KEPT) directions.delete(digest)
    stage = root
    root.live = { ...root.live, told: header.live, tell }
  }

  function has(header) {
    return (header.live?.panels ?? []).every(({ file }) => directions.has(file))
  }

  async function pixels(digest, address) {
    if (cleans.has(digest)) return
    const image = new Image()
    image.src = address
    await image.decode()
    const context = canvas(image.naturalWidth, image.naturalHeight).getContext("2d", { willReadFrequently: true })
    context.drawImage(image, 0, 0)
    cleans.clear()
    cleans.set(digest, context.getImageData(0, 0, image.naturalWidth, image.naturalHeight))
  }

  function canvas(width, height) {
    return Object.assign(document.createElement("canvas"), { width, height })
  }

  // Makes ready what is needed once `header` is drawn; `kept` says where pictures are.
  async function prepare(header, kept) {
    const { digest } = header.rows[0].cells[0]
    if (header.live && kept.has(digest)) await pixels(digest, kept.get(digest)).catch(() => {})
  }

  // Called when the rows of `header` are on the page.
  function show(root, header) {
    const clean = cleans.get(header.rows[0].cells[0].digest)
    const panels = (clean && header.live?.panels ? header.live.panels : []).map((panel) => {
      const row = root.querySelector(`.mta-row[data-row="${panel.row}"]`)
      return { ...panel, figure: row?.querySelectorAll("figure")[panel.cell] }
    })
    root.live = { ...root.live, clean, shown: header.live, panels: panels.filter((p) => p.figure && directions.has(p.file)) }
    const { waiting, told } = root.live
    const isAnswer = told && waiting && (told.shown === waiting.epsilon || told.asked !== waiting.asked)
    if (isAnswer) waiting.isThere ??= performance.now()
    follow(root)
  }

  function input(live) {
    return live?.told ? document.querySelector(`.st-key-${live.told.key} input[type=range]`) : null
  }

  function isHeld(slider) {
    return Boolean(slider?.closest("[data-dragging]"))
  }

  // The epsilon of the slider, as it is at this moment; null where there is none.
  function value(live) {
    const slider = input(live)
    return slider && live.shown?.key === live.told.key ? Number(slider.value) : null
  }

  function follow(root) {
    const epsilon = value(root.live)
    compose(root, epsilon)
    ask(root, epsilon)
  }

  function compose(root, epsilon) {
    const { live } = root
    const isAhead = epsilon !== null && live.panels.length > 0 && epsilon !== live.shown.shown
    for (const panel of live.panels ?? []) isAhead ? paint(live, panel, epsilon) : clear(panel)
    root.classList.toggle("mta-ahead", isAhead)
    if (root.view.at) tell(root) // the values at the cursor are those of what is seen
  }

  function clear({ figure }) {
    const frame = figure.querySelector(".mta-frame")
    if (!frame.live) return
    frame.querySelectorAll(".mta-composed, .mta-preview").forEach((each) => each.remove())
    figure.querySelector("figcaption").textContent = frame.live.caption
    frame.live.button?.setAttribute("aria-label", frame.live.label)
    figure.classList.remove("mta-following")
    frame.live = undefined
  }

  // What a panel is covered with while it follows.
  function cover(figure, { width, height }, isExact) {
    const frame = figure.querySelector(".mta-frame")
    if (frame.live) return frame.live
    const button = frame.querySelector(".mta-open")
    const made = canvas(width, height)
    made.className = "mta-composed"
    ;(button ?? frame).append(made)
    if (!isExact) frame.append(Object.assign(document.createElement("span"), { className: "mta-preview", textContent: "preview" }))
    figure.classList.add("mta-following")
    frame.live = {
      context: made.getContext("2d"),
      data: new ImageData(width, height),
      caption: figure.querySelector("figcaption").textContent,
      button,
      label: button?.getAttribute("aria-label"),
    }
    return frame.live
  }

  function paint(live, { figure, file, step, reach, exact, gain }, epsilon) {
    const { clean } = live
    const direction = directions.get(file)
    const made = cover(figure, clean, exact)
    const what = [file, step, gain, epsilon].join()
    if (made.what === what) return // it is there already
    made.what = what
    const { context, data, caption, button } = made
    const factor = step * Math.min(epsilon, reach ?? Infinity)
    let used = gain
    if (gain === null) adversarial(clean.data, direction, factor, data.data)
    else used = perturbation(clean.data, direction, factor, gain, data.data)
    context.putImageData(data, 0, 0)
    const name = gain === null ? caption : caption.replace(/×\S+$/, `×${used}`)
    const words = `${name}${gain === null ? `, ${epsilon}${live.shown.unit}` : ""}`
    figure.querySelector("figcaption").textContent = words
    button?.setAttribute("aria-label", `${words}${exact ? "" : ", preview"}`)
  }

  function adversarial(clean, direction, factor, out) {
    for (let i = 0, k = 0; i < out.length; i += 4, k += 3) {
      out[i] = clean[i] + factor * direction[k]
      out[i + 1] = clean[i + 1] + factor * direction[k + 1]
      out[i + 2] = clean[i + 2] + factor * direction[k + 2]
      out[i + 3] = 255
    }
  }

  // Amplified, grey is none; a gain of 0 is the one that has the largest value span the range. Returns the gain.
  function perturbation(clean, direction, factor, gain, out) {
    const added = (i, k) => Math.max(0, Math.min(255, clean[i] + factor * direction[k])) - clean[i]
    let largest = 0
    for (let i = 0, k = 0; !gain && i < out.length; i += 4, k += 3) {
      for (let c = 0; c < 3; c++) largest = Math.max(largest, Math.abs(added(i + c, k + c)))
    }
    const used = gain || (largest ? Number((127.5 / largest).toPrecision(2)) : 1)
    for (let i = 0, k = 0; i < out.length; i += 4, k += 3) {
      for (let c = 0; c < 3; c++) out[i + c] = 127.5 + used * added(i + c, k + c)
      out[i + 3] = 255
    }
    return used
  }

  // Has the victim's answers follow, where they are quick.
  function ask(root, epsilon) {
    const { live } = root
    const { told, tell } = live
    if (!told || epsilon === null || window.mtaTurning?.isLeaving(root.page)) return
    const now = performance.now()
    const { waiting } = live
    if (waiting && now - waiting.since < PATIENCE) {
      if (!waiting.isThere) return
      const took = waiting.isThere - waiting.since
      if (now < waiting.isThere + took) return later(root, waiting.isThere + took - now)
    }
    const isWanted = isHeld(input(live))
      ? told.seconds !== null && told.seconds <= QUICK && epsilon !== told.shown
      : told.moved && epsilon === told.asked && epsilon !== told.shown // back where it was: Streamlit says nothing then
    if (!isWanted) return
    live.waiting = { epsilon, asked: told.asked, since: now }
    tell("moved", [epsilon, now])
    later(root, PATIENCE)
  }

  function later(root, ms) {
    clearTimeout(root.live.timer)
    root.live.timer = setTimeout(() => root.isConnected && follow(root), ms)
  }

  // A slider says where it is behind the frame of the movement that moves it. Where it will be is known before: at the
  // same place of its track as the pointer.
  let held = null // where the pointer was, and the slider, when it was taken

  function takeHold({ target, clientX }) {
    const within = stage?.isConnected && stage.live?.told && `.st-key-${stage.live.told.key}`
    held = within && target.closest?.(within) ? { x: clientX } : null
  }

  function drag({ clientX }) {
    const slider = held && stage?.isConnected && input(stage.live)
    const epsilon = slider ? value(stage.live) : null
    if (epsilon === null || !isHeld(slider)) return
    held.from ??= epsilon
    const track = slider.closest("[style*=left]")?.parentElement?.clientWidth
    if (!track) return
    const [low, high, step] = [slider.min, slider.max, slider.step].map(Number)
    const there = held.from + ((clientX - held.x) / track) * (high - low)
    const nearest = low + Math.round((there - low) / step) * step
    compose(stage, Number(Math.max(low, Math.min(high, nearest)).toFixed(6)))
  }

  addEventListener("pointerdown", takeHold, true)
  addEventListener("pointermove", drag, true)

  // Streamlit tells of a slider when it is let go; its own element says where it is.
  const moves = { subtree: true, attributes: true, attributeFilter: ["aria-valuetext", "value", "data-dragging"] }
  new MutationObserver((changes) => {
    const live = stage?.isConnected && stage.live
    const within = live?.told && `.st-key-${live.told.key}`
    if (within && changes.some(({ target }) => target.closest(within))) follow(stage)
  }).observe(document.body, moves)

  return { take, has, prepare, show }
})()
