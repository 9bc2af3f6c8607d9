// The link to the view, and a button that copies it: also over plain http, where the browser has no clipboard for pages.
export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".mta-share-link") ?? parentElement
  const field = root.querySelector("input")
  const button = root.querySelector("button")
  const said = root.querySelector("[role=status]")
  const link = `${location.origin}${location.pathname}?${data.query}`
  if (field.value !== link) {
    field.value = link
    said.textContent = ""
  }
  field.onfocus = () => field.select()
  button.onclick = async () => {
    const is_copied = (await byClipboard(link)) || bySelection(field)
    said.textContent = is_copied ? "Copied." : "Press Ctrl+C to copy."
    if (is_copied) button.focus()
    else field.select()
  }
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
