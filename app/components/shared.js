// What the scripts of several components share: it stands before each of them.
function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

function button(className, text, label, act) {
  const made = element("button", className, text)
  made.type = "button"
  if (label) made.setAttribute("aria-label", label)
  made.onclick = act
  return made
}

// Data: a line of JSON, and what follows it.
function read(data) {
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)
  const end = bytes.indexOf(10)
  return [JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))), bytes.subarray(end + 1)]
}

async function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))
  return new Response(stream).arrayBuffer()
}

// Marks the one of several radio buttons that is chosen; the Tab key finds that one alone.
function check(buttons, isChosen) {
  for (const one of buttons) {
    const is = isChosen(one)
    one.setAttribute("aria-checked", String(is))
    one.tabIndex = is ? 0 : -1
  }
}

// Has arrow keys choose among the radio buttons of a group, of which so many stand side by side.
function chooseByKeys(group, across = 1) {
  group.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key]
    if (!step) return
    event.preventDefault()
    const buttons = [...group.children]
    const next = buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length)
    next.focus()
    next.click()
  }
}

// The likeliest answers, each with its probability.
function bars(answers, label) {
  const list = element("ol", "mta-bars")
  list.setAttribute("aria-label", label)
  for (const [name, probability, mark] of answers) {
    const item = element("li", mark ? `mta-${mark}` : "")
    item.style.setProperty("--share", `${100 * probability}%`)
    item.append(element("span", "", name), element("span", "", `${Math.round(100 * probability)} %`))
    list.append(item)
  }
  return list
}
