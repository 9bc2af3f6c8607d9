// A Plotly figure that is mounted once and changed in place, so that zoom stays. Data: JSON. The library comes from this
// server, once for all charts of the browser's tab.
const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset", scrollZoom: false }
const mounted = new Map() // key -> how often a chart of that key was mounted
let library

function load(source) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = new URL(source, document.baseURI)
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      library = undefined
      script.remove()
      reject(new Error("not loaded"))
    }
    document.head.append(script)
  })
  return library
}

function mount(parent, key) {
  const root = document.createElement("div")
  root.className = "mta-livechart"
  root.setAttribute("role", "img")
  root.dataset.draws = 0
  mounted.set(key, (mounted.get(key) ?? 0) + 1)
  root.dataset.mounts = mounted.get(key)
  const plot = document.createElement("div")
  plot.className = "mta-plot"
  plot.setAttribute("aria-hidden", "true") // its words are the chart's own name
  const note = document.createElement("div")
  note.className = "mta-none-yet"
  note.textContent = "Getting the chart ready …"
  root.append(plot, note)
  parent.append(root) // beside the style that Streamlit put there
  const state = { root, plot, note, wanted: undefined, drawn: undefined, busy: false, held: false }
  // What a person drags must not change under the pointer.
  root.addEventListener("pointerdown", () => {
    state.held = true
    const release = () => {
      state.held = false
      removeEventListener("pointerup", release, true)
      removeEventListener("pointercancel", release, true)
      setTimeout(() => draw(state)) // Plotly ends the drag first
    }
    addEventListener("pointerup", release, true)
    addEventListener("pointercancel", release, true)
  })
  state.sizes = new ResizeObserver(() => {
    if (state.drawn && root.clientWidth && !state.busy) window.Plotly.Plots.resize(plot)
  })
  state.sizes.observe(root)
  return state
}

// One at a time, and of several that come meanwhile the last.
async function draw(state) {
  if (state.busy || state.held || state.wanted === state.drawn || !state.root.isConnected) return
  state.busy = true
  try {
    while (state.wanted !== state.drawn && !state.held) {
      const next = state.wanted
      const { source, figure, height } = JSON.parse(next)
      const plotly = await load(source)
      const layout = { ...figure.layout, height, autosize: true } // as wide as its place
      await plotly.react(state.plot, figure.data, layout, CONFIG)
      state.note.remove()
      state.drawn = next
      state.root.dataset.draws = Number(state.root.dataset.draws) + 1
    }
  } catch {
    state.note.textContent = "This chart could not be drawn. Reload the page."
  }
  state.busy = false
}

export default function ({ parentElement, data }) {
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)
  const text = new TextDecoder().decode(bytes)
  const { key, alt, height } = JSON.parse(text)
  const state = (parentElement.mtaChart ??= mount(parentElement, key))
  state.root.style.height = `${height}px`
  state.root.setAttribute("aria-label", alt)
  state.wanted = text
  draw(state)
  return () => {
    if (state.root.isConnected) return
    state.sizes.disconnect()
    if (state.drawn) window.Plotly.purge(state.plot)
  }
}
