// The tour: scenes, and all their pictures, come with the first message and are never asked for again.
const PAUSE = 9000 // ms a scene is shown for while it plays by itself

function unpack(data) {
  const [{ scenes, files }, blob] = read(data)
  const urls = new Map()
  let offset = 0
  for (const [name, length] of files) {
    urls.set(name, URL.createObjectURL(new Blob([blob.slice(offset, offset + length)], { type: "image/webp" })))
    offset += length
  }
  return { scenes, urls }
}

function panel({ caption, alt, file }, urls) {
  const figure = element("figure")
  const image = new Image()
  image.src = urls.get(file)
  image.alt = alt
  image.draggable = false
  figure.append(image, element("figcaption", "", caption))
  return figure
}

function begin(root, { scenes, urls }) {
  const title = element("h3")
  title.tabIndex = -1
  const words = element("p", "mta-tour-words")
  const small = element("p", "mta-tour-small")
  const panels = element("div", "mta-tour-panels")
  const live = element("div")
  live.setAttribute("aria-live", "polite")
  live.append(title, words)
  const asked = Number.parseInt(new URLSearchParams(location.search).get("scene"), 10)
  let at = Math.min(Math.max((asked || 1) - 1, 0), scenes.length - 1)
  let playing

  function show(next) {
    at = Math.min(Math.max(next, 0), scenes.length - 1)
    const scene = scenes[at]
    title.textContent = scene.title
    words.textContent = scene.words
    small.textContent = scene.small
    panels.style.setProperty("--columns", scene.columns)
    panels.style.setProperty("--shape", (scene.columns * 1.25) / Math.ceil(scene.panels.length / scene.columns))
    panels.replaceChildren(...scene.panels.map((one) => panel(one, urls)))
    back.disabled = at === 0
    forth.disabled = at === scenes.length - 1
    for (const [place, dot] of [...dots.children].entries()) {
      if (place === at) dot.setAttribute("aria-current", "step")
      else dot.removeAttribute("aria-current")
    }
    const address = new URL(location.href)
    address.searchParams.set("scene", at + 1)
    history.replaceState(history.state, "", address)
  }

  function stop() {
    clearInterval(playing)
    playing = undefined
    play.textContent = "Play"
  }

  function go(next) {
    stop()
    show(next)
  }

  function start() {
    play.textContent = "Pause"
    if (at === scenes.length - 1) show(0)
    playing = setInterval(() => {
      if (!root.isConnected || at === scenes.length - 1) return stop()
      show(at + 1)
    }, PAUSE)
  }

  const back = button("mta-tour-back", "Back", "", () => go(at - 1))
  const forth = button("mta-tour-next", "Next", "", () => go(at + 1))
  const play = button("mta-tour-play", "Play", "", () => (playing ? stop() : start()))
  const full = button("mta-tour-full", "Full screen", "", () =>
    document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.().catch(() => {}),
  )
  full.hidden = !document.fullscreenEnabled
  root.addEventListener("fullscreenchange", () => {
    full.textContent = document.fullscreenElement ? "Leave full screen" : "Full screen"
  })
  const dots = element("div", "mta-tour-dots")
  dots.setAttribute("role", "group")
  dots.setAttribute("aria-label", "Scenes")
  for (const [place, scene] of scenes.entries()) {
    dots.append(button("", String(place + 1), `Scene ${place + 1}: ${scene.title}`, () => go(place)))
  }
  const bar = element("div", "mta-tour-bar")
  bar.append(back, forth, dots, play, full)
  root.tabIndex = -1
  root.onkeydown = ({ key }) => {
    if (key === "ArrowRight" || key === "PageDown") go(at + 1)
    if (key === "ArrowLeft" || key === "PageUp") go(at - 1)
    if (key === "Home") go(0)
    if (key === "End") go(scenes.length - 1)
    if (key === "f") full.click()
  }
  root.append(live, panels, small, bar)
  show(at)
}

export default function ({ parentElement, data }) {
  if (parentElement.querySelector(".mta-tour")) return
  const root = element("section", "mta-tour")
  root.setAttribute("aria-label", "Tour")
  parentElement.append(root)
  begin(root, unpack(data))
}
