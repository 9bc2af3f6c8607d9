// Clean and adversarial in one panel: beside each other, under a divider, or in turns.
const MODES = [["side", "Side by side"], ["divider", "Divider"], ["blink", "Blink"]]
const BEAT = 333 // ms: both are seen 1.5 times a second
const SOONEST = 200 // ms between two changes by hand: fewer than 3 flashes a second

const calm = matchMedia("(prefers-reduced-motion: reduce)")

const beforeOf = (panel) => {
  if (panel.frame.clean) return panel.frame.clean // it was enlarged
  const { before } = panel.frame.parentElement.dataset
  if (before === undefined) return null
  const clean = panel.frame.closest(".mta-row")?.querySelectorAll("figure")[before]?.querySelector(".mta-open img")
  return clean?.naturalWidth ? clean : null
}

// The picture of a panel that is seen at a place: left of the divider the clean one.
function seen(root, panel, [x]) {
  const isLeft = (x - root.view.x) * root.view.zoom * 100 < root.wipe
  return (root.mode === "divider" && isLeft && panel.before) || panel.image
}

function layer(clean) {
  const made = element("div", "mta-before")
  made.setAttribute("aria-hidden", "true")
  const image = new Image()
  image.alt = ""
  image.draggable = false
  image.src = clean.src
  made.append(image)
  return made
}

function handle(isKeyed) {
  const made = element("div", "mta-wipe")
  if (!isKeyed) {
    made.setAttribute("aria-hidden", "true") // they all move as one
    return made
  }
  made.tabIndex = 0
  made.setAttribute("role", "slider")
  made.setAttribute("aria-label", "Divider: the clean one is on its left, the adversarial one on its right")
  made.setAttribute("aria-valuemin", 0)
  made.setAttribute("aria-valuemax", 100)
  return made
}

// Puts the clean pictures over the adversarial ones, as the mode asks for.
function cover(root) {
  for (const old of root.querySelectorAll(".mta-before, .mta-wipe")) old.remove()
  let count = 0
  for (const panel of root.panels) {
    panel.before = beforeOf(panel)
    panel.frame.classList.toggle("mta-both", Boolean(panel.before))
    if (!panel.before || root.mode === "side") continue
    panel.frame.append(layer(panel.before))
    if (root.mode === "divider") panel.frame.append(handle(!count || Boolean(panel.frame.closest("dialog"))))
    count += 1
  }
  root.dataset.mode = root.mode
  root.modes.hidden = !root.panels.some((panel) => panel.before)
  for (const button of root.modes.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === root.mode))
  }
  root.modes.querySelector(".mta-switch").hidden = root.mode !== "blink"
  wipe(root, root.wipe)
}

function wipe(root, share) {
  root.wipe = within(share, 0, 100)
  root.style.setProperty("--wipe", `${root.wipe}%`)
  for (const slider of root.querySelectorAll(".mta-wipe[role]")) {
    slider.setAttribute("aria-valuenow", Math.round(root.wipe))
    slider.setAttribute("aria-valuetext", `${Math.round(root.wipe)} % clean`)
  }
}

function choose(root, mode) {
  root.mode = mode
  clearInterval(root.blinking)
  uncover(root, false)
  if (mode === "blink" && !calm.matches) {
    root.blinking = setInterval(() => {
      if (!root.isConnected) clearInterval(root.blinking)
      else uncover(root, !root.classList.contains("mta-shows-before"))
    }, BEAT)
  }
  cover(root)
  tell(root)
}

function uncover(root, isBefore) {
  root.classList.toggle("mta-shows-before", isBefore)
}

// By hand, which ends the turns of themselves.
function turnOver(root) {
  const now = performance.now()
  if (root.mode !== "blink" || now - (root.turnedAt ?? -SOONEST) < SOONEST) return
  root.turnedAt = now
  clearInterval(root.blinking)
  const isBefore = !root.classList.contains("mta-shows-before")
  uncover(root, isBefore)
  root.said.textContent = isBefore ? "Clean" : "Adversarial"
}

function linkDivider(root) {
  root.addEventListener("pointerdown", (event) => {
    const knob = event.target.closest?.(".mta-wipe")
    if (!knob || event.button) return
    const box = knob.parentElement.getBoundingClientRect()
    root.wiping = { id: event.pointerId, box }
    root.setPointerCapture(event.pointerId)
    const keyed = knob.matches("[role]") ? knob : root.querySelector(".mta-wipe[role]")
    keyed.focus({ preventScroll: true })
    event.preventDefault()
  })
  root.addEventListener("pointermove", (event) => {
    if (root.wiping?.id !== event.pointerId) return
    wipe(root, (100 * (event.clientX - root.wiping.box.left)) / root.wiping.box.width)
    tell(root)
  })
  for (const end of ["pointerup", "pointercancel"]) {
    root.addEventListener(end, (event) => root.wiping?.id === event.pointerId && (root.wiping = null))
  }
  root.addEventListener("keydown", (event) => {
    if (!event.target.closest(".mta-wipe")) return
    const far = event.shiftKey ? 10 : 2
    const next = {
      ArrowLeft: root.wipe - far, ArrowDown: root.wipe - far, ArrowRight: root.wipe + far, ArrowUp: root.wipe + far,
      PageDown: root.wipe - 10, PageUp: root.wipe + 10, Home: 0, End: 100,
    }[event.key]
    if (next === undefined) return
    event.preventDefault()
    wipe(root, next)
    tell(root)
  })
  const heed = () => (root.isConnected ? choose(root, root.mode) : calm.removeEventListener("change", heed))
  calm.addEventListener("change", heed)
}
