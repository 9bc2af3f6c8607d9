// The link to the view, and a button that copies it: also over plain http, where the browser has no clipboard for pages.
export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".mta-share-link") ?? parentElement
  const field = root.querySelector("input")
  const button = root.querySelector("button")
  const said = root.querySelector("[role=status]")
  const show = () => {
    const link = linkOf(data)
    if (field.value !== link) {
      field.value = link
      said.textContent = ""
    }
    return link
  }
  show()
  field.onfocus = () => field.select()
  button.onclick = async () => {
    const is_copied = (await byClipboard(show())) || bySelection(field)
    said.textContent = is_copied ? "Copied." : "Press Ctrl+C to copy."
    if (is_copied) button.focus()
    else field.select()
  }
}

// `query` is all of it; beside `first` counts what stands in the address as of now.
function linkOf({ query, first }) {
  const address = new URLSearchParams(location.search)
  const told = new URLSearchParams(query ?? address)
  for (const [key, value] of new URLSearchParams(first)) {
    if (!address.has(key)) told.append(key, value)
  }
  told.sort()
  const text = told.toString()
  return `${location.origin}${location.pathname}${text && `?${text}`}`
}

async function byClipboard(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false // no secure page, or not allowed
  }
}

function bySelection(field) {
  field.select()
  try {
    return document.execCommand("copy")
  } catch {
    return false
  }
}
