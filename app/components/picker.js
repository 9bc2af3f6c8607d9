// Thumbnails as radio buttons. Data: one line of JSON, then the PNG files one after the other.
const urls = new WeakMap()

function build(root, header, blob) {
  const group = element("div", "mta-picker")
  group.setAttribute("role", "radiogroup")
  group.setAttribute("aria-label", header.label)
  let offset = 0
  header.names.forEach((name, i) => {
    const one = button("")
    one.setAttribute("role", "radio")
    one.dataset.name = name
    one.title = header.titles[i]
    const image = element("img")
    image.alt = header.titles[i]
    image.draggable = false
    image.src = URL.createObjectURL(new Blob([blob.slice(offset, offset + header.sizes[i])], { type: "image/png" }))
    offset += header.sizes[i]
    one.append(image)
    group.append(one)
  })
  root.querySelector(".mta-picker")?.remove()
  root.append(group) // beside the style sheet, which lives in the same element
  return group
}

function mark(group, chosen) {
  check(group.children, (one) => one.dataset.name === chosen)
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
  group.onclick = (event) => {
    const picked = event.target.closest("button")
    if (!picked) return
    mark(group, picked.dataset.name)
    setTriggerValue("picked", picked.dataset.name)
  }
  chooseByKeys(group, 4)
}
