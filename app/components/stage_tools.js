// The bar above the pictures: how clean and adversarial are compared, the zoom, and the whole screen.
function tools(root) {
  const bar = element("div", "mta-tools")
  root.modes = element("div", "mta-modes")
  root.modes.setAttribute("role", "group")
  root.modes.setAttribute("aria-label", "Clean and adversarial")
  for (const [mode, label] of MODES) {
    const made = button("", label, "", () => choose(root, mode))
    made.dataset.mode = mode
    root.modes.append(made)
  }
  const over = button("mta-switch", "Switch", "", () => turnOver(root))
  over.title = "Changes between clean and adversarial by hand (key B)"
  root.modes.append(over)
  root.where = element("span", "mta-where")
  const hint = element("span", "mta-hint", "Scroll to zoom, drag to move, double click to see all; a click keeps the cross-hair")
  const zoom = element("div", "mta-zooms")
  zoom.setAttribute("role", "group")
  zoom.setAttribute("aria-label", "Zoom")
  const all = button("mta-all", "1×", "Show the whole picture", () => zoomTo(root, 1))
  zoom.append(
    button("", "−", "Zoom out", () => zoomTo(root, root.view.zoom / 1.5)),
    all,
    button("", "+", "Zoom in", () => zoomTo(root, root.view.zoom * 1.5)),
  )
  root.addEventListener("mta-view", () => {
    all.textContent = `${root.view.zoom < 9.95 ? root.view.zoom.toFixed(1).replace(".0", "") : Math.round(root.view.zoom)}×`
  })
  root.full = button("mta-screen", "Full screen", "", () => fill(root))
  root.full.setAttribute("aria-pressed", "false")
  root.said = element("div", "mta-said")
  root.said.setAttribute("aria-live", "polite")
  const keys = element("span", "mta-said", HINT)
  keys.id = "mta-keys"
  bar.append(root.modes, hint, root.where, zoom, root.full, root.said, keys)
  return bar
}

const isFull = (root) => root.classList.contains("mta-full")

function mark(root, is) {
  root.classList.toggle("mta-full", is)
  root.full.textContent = is ? "Leave full screen" : "Full screen"
  root.full.setAttribute("aria-pressed", String(is))
  requestAnimationFrame(() => show(root))
}

// The whole screen, or the whole window where the browser has no screen to give, as on some phones.
async function fill(root) {
  if (isFull(root)) {
    if (document.fullscreenElement === root) await document.exitFullscreen()
    else leaveWindow(root)
    return
  }
  try {
    await root.requestFullscreen()
  } catch {
    root.classList.add("mta-over")
    mark(root, true)
  }
}

function leaveWindow(root) {
  root.classList.remove("mta-over")
  mark(root, false)
  root.full.focus({ preventScroll: true })
}

function linkScreen(root) {
  const changed = () => {
    if (!root.isConnected) document.removeEventListener("fullscreenchange", changed)
    else if (!root.classList.contains("mta-over")) mark(root, document.fullscreenElement === root)
  }
  document.addEventListener("fullscreenchange", changed)
  const escape = (event) => {
    if (!root.isConnected) return removeEventListener("keydown", escape)
    if (event.key === "Escape" && root.classList.contains("mta-over") && !root.querySelector("dialog[open]")) leaveWindow(root)
  }
  addEventListener("keydown", escape)
}
