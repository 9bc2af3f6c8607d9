// A heat map as a table. Data: JSON. Cells are links: a plain click is told to Python, which changes the page without
// forgetting the session; a new tab gets the address. What changes is changed in place, so that focus stays.
// Named outright, since on a phone the rows are laid out as a grid, which ends what the tags mean.
const ROLES = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell" }

function element(tag, className, text) {
  const made = document.createElement(tag)
  if (ROLES[tag]) made.setAttribute("role", ROLES[tag])
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text
}

function head(column) {
  const cell = element("th", "mta-column")
  cell.scope = "col"
  cell.setAttribute("role", "columnheader")
  cell.append(element("span", "mta-task", column.label), element("span", "mta-small", column.measure))
  if (column.note) cell.append(element("span", "mta-small", column.note))
  return cell
}

function line(row) {
  const tr = element("tr", "mta-line")
  const name = element("th", "mta-name")
  name.scope = "row"
  name.setAttribute("role", "rowheader")
  name.append(element("span", "mta-label"), element("span", "mta-small mta-what"))
  tr.append(name, ...row.cells.map(() => {
    const td = element("td", "mta-square")
    const link = element("a", "mta-fill")
    link.append(element("b"), element("span", "mta-small mta-change"), element("span", "mta-small mta-interval"))
    td.append(link)
    return td
  }))
  return tr
}

function build(root, data) {
  const table = element("table", "mta-map")
  table.style.setProperty("--columns", data.columns.length)
  const caption = element("caption", "mta-hidden")
  const top = element("tr")
  top.append(element("td"), ...data.columns.map(head))
  const thead = element("thead")
  thead.append(top)
  const body = element("tbody")
  body.append(...data.rows.map(line))
  table.append(caption, thead, body)
  root.replaceChildren(table)
}

// Cells whose message says what a click does stay on this page; others lead to Explore.
function fill(tr, row, action) {
  tr.classList.toggle("mta-reference", row.reference)
  tr.classList.toggle("mta-running", row.running)
  set(tr.querySelector(".mta-label"), row.label)
  set(tr.querySelector(".mta-what"), row.problem || row.words)
  tr.querySelector(".mta-what").classList.toggle("mta-problem", Boolean(row.problem))
  row.cells.forEach((cell, i) => {
    const td = tr.children[i + 1]
    const link = td.firstChild
    td.classList.toggle("mta-empty", !cell.text)
    td.classList.toggle("mta-best", Boolean(cell.best))
    td.classList.toggle("mta-chosen", Boolean(cell.chosen))
    td.classList.toggle("mta-marked", Boolean(cell.marked))
    td.style.setProperty("--share", cell.share.toFixed(3))
    set(link.children[0], cell.text)
    set(link.children[1], cell.sub)
    set(link.children[2], cell.interval)
    link.setAttribute("aria-label", cell.href ? `${cell.alt}. ${action ?? "Open in Explore"}` : cell.alt)
    link.title = action ? cell.alt : cell.href ? "Open in Explore" : ""
    link.toggleAttribute("data-mta-leaves", Boolean(cell.href) && !action)
    if (cell.chosen) link.setAttribute("aria-current", "true")
    else link.removeAttribute("aria-current")
    if (cell.href) link.href = cell.href
    else link.removeAttribute("href")
    if (!cell.href) link.setAttribute("role", "img")
    else link.removeAttribute("role")
    link.dataset.row = row.label
    link.dataset.task = cell.task ?? ""
  })
}

export default function ({ parentElement, data, setTriggerValue }) {
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)
  const told = JSON.parse(new TextDecoder().decode(bytes))
  let root = parentElement.querySelector(".mta-matrix")
  if (!root) {
    root = element("div", "mta-matrix")
    parentElement.append(root)
  }
  const shape = JSON.stringify([told.columns, told.rows.map((row) => row.label)])
  if (root.shape !== shape) build(root, told)
  root.shape = shape
  set(root.querySelector("caption"), told.caption)
  told.rows.forEach((row, i) => fill(root.querySelector("tbody").children[i], row, told.action))
  root.classList.toggle("mta-compact", Boolean(told.compact))
  root.onclick = (event) => {
    const link = event.target.closest?.("a[href]")
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    link.classList.toggle("mta-going", !told.action)
    setTriggerValue("opened", [link.dataset.row, link.dataset.task, performance.now()])
  }
}
