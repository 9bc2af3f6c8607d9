// From page to page: what a part of a page asks of the server by itself must not get in the way of a click on another.
// Such a request carries the name of the page it was made on. Between the click and the new page's first run it takes
// the click's place at the server, and a little later it has the browser take the new page for gone and clear it.

// So the parts that ask by themselves keep silent while a person leaves; should the page never come, they go on.
const PATIENCE = 20000 // ms
const LINKS = '[data-testid="stTopNavLink"], [data-testid="stSidebarNavLink"]'

// A request that was already on its way cannot be taken back. A page that it cleared is asked for once more.
const LOOK = 150 // ms
const LOOKS = 3 // in a row that find nothing on the page
const TRIES = 3

function names() {
  return [...document.querySelectorAll(LINKS)]
}

function isAtRest() {
  const { testScriptState, testConnectionState } = document.querySelector('[data-testid="stApp"]')?.dataset ?? {}
  return testScriptState === "notRunning" && testConnectionState === "CONNECTED"
}

function hasContent() {
  const heading = document.querySelector('[data-testid="stMain"] h2.mta-hidden') // the last that every page has
  return !heading || Boolean(heading.closest('[data-testid="stElementContainer"]').nextElementSibling)
}

if (!window.mtaTurning) {
  const left = { page: "", at: 0 }
  const listen = (event) => {
    const link = event.target.closest?.(`${LINKS}, [data-mta-leaves]`)
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    if (link.href && new URL(link.href).pathname === location.pathname) return
    left.page = location.pathname
    left.at = performance.now()
  }
  document.addEventListener("click", listen, true)
  let found = 0
  let tries = 0
  setInterval(() => {
    if (hasContent()) tries = 0
    found = isAtRest() && !hasContent() ? found + 1 : 0
    if (found === LOOKS && tries++ < TRIES) {
      names().find((link) => new URL(link.href).pathname === location.pathname)?.click()
    }
  }, LOOK)
  window.mtaTurning = {
    // Whether `page`, the path a part was drawn on, is being left or is left already.
    isLeaving: (page) => location.pathname !== page || (left.page === page && performance.now() - left.at < PATIENCE),
  }
}

export default function () {}
