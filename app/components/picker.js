// Thumbnails as radio buttons. Data: one line of JSON, then the PNG files one after the other.
const urls = new WeakMap()

function read(data) {
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)
  const end = bytes.indexOf(10)
  return [JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))), bytes.subarray(end + 1)]
}

function build(root, header, blob) {
  const group = document.createElement("div")
  group.className = "mta-picker"
  group.setAttribute("role", "radiogroup")
  group.setAttribute("aria-label", header.label)
  let offset = 0
  header.names.forEach((name, i) => {
    const button = document.createElement("button")
    button.type = "button"
    button.setAttribute("role", "radio")
    button.dataset.name = name
    button.title = header.titles[i]
    const image = document.createElement("img")
    image.alt = header.titles[i]
    image.draggable = false
    image.src = URL.createObjectURL(new Blob([blob.slice(offset, offset + header.sizes[i])], { type: "image/png" }))
    offset += header.sizes[i]
    button.append(image)
    group.append(button)
  })
  root.querySelector(".mta-picker")?.remove()
  root.append(group) // beside the style sheet, which lives in the same element
  return group
}

function mark(group, chosen) {
  for (const button of group.children) {
    const is = button.dataset.name === chosen
    button.setAttribute("aria-checked", String(is))
    button.tabIndex = is ? 0 : -1
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  const [header, blob] = read(data)
  const names = header.names.join("\n")
  let group = parentElement.querySelector(".mta-picker")
  if (!group || urls.get(group) !== names) {
    group = build(parentElement, header, blob)
    urls.set(group, names)
    mark(group, header.chosen)
    group.querySelector('[aria-checked="true"]')?.scrollIntoView({ block: "nearest" })
  }
  mark(group, header.chosen)
  const pick = (button) => {
    mark(group, button.dataset.name)
    setTriggerValue("picked", button.dataset.name)
  }
  group.onclick = (event) => {
    const button = event.target.closest("button")
    if (button) pick(button)
  }
  group.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 4, ArrowUp: -4 }[event.key]
    if (!step) return
    event.preventDefault()
    const buttons = [...group.children]
    const next = buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length)
    next.focus()
    pick(next)
  }
}
