// Asks the fragment it is drawn in to run again every `period` milliseconds, `times` times (0: until told otherwise).
// Streamlit's own `run_every` can only be changed by running the whole page again, which throws away what is under way.
const beating = new WeakMap() // element -> what it was last told, and on which page

// A beat that reaches the server between a click on another page and that page's first run takes its place there, and
// the click is lost. So nothing beats once a person is on the way to another page; should it never come, it goes on.
const PATIENCE = 20000 // ms
const LINKS = '[data-testid="stTopNavLink"], [data-testid="stSidebarNavLink"], [data-mta-leaves]'

if (!window.mtaLeaving) {
  window.mtaLeaving = { page: "", at: 0 }
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.(LINKS)
      const isSame = link?.href && new URL(link.href).pathname === location.pathname
      if (link && !isSame) window.mtaLeaving = { page: location.pathname, at: performance.now() }
    },
    true,
  )
}

function isLeaving(page) {
  const { page: left, at } = window.mtaLeaving
  return location.pathname !== page || (left === page && performance.now() - at < PATIENCE)
}

export default function ({ parentElement, data, setTriggerValue }) {
  const told = JSON.stringify(data)
  const last = beating.get(parentElement)
  if (last?.told === told) return
  clearInterval(last?.timer)
  const page = last?.page ?? location.pathname
  let left = data.times || Infinity
  const timer = data.period
    ? setInterval(() => {
        if (!parentElement.isConnected) return clearInterval(timer)
        if (isLeaving(page)) return
        left -= 1
        if (left < 1) clearInterval(timer)
        setTriggerValue("beat", performance.now())
      }, data.period)
    : undefined
  beating.set(parentElement, { told, timer, page })
}
