// Asks the fragment it is drawn in to run again every `period` milliseconds, `times` times (0: until told otherwise).
// Streamlit's own `run_every` can only be changed by running the whole page again, which throws away what is under way.
const beating = new WeakMap() // element -> what it was last told, and on which page

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
        if (window.mtaTurning?.isLeaving(page)) return
        left -= 1
        if (left < 1) clearInterval(timer)
        setTriggerValue("beat", performance.now())
      }, data.period)
    : undefined
  beating.set(parentElement, { told, timer, page })
}
