// Asks the fragment it is drawn in to run again every `period` milliseconds, `times` times (0: until told otherwise).
// Streamlit's own `run_every` can only be changed by running the whole page again, which throws away what is under way.
const beating = new WeakMap() // element -> what it was last told

export default function ({ parentElement, data, setTriggerValue }) {
  const told = JSON.stringify(data)
  const last = beating.get(parentElement)
  if (last?.told === told) return
  clearInterval(last?.timer)
  let left = data.times || Infinity
  const timer = data.period
    ? setInterval(() => {
        left -= 1
        if (left < 1 || !parentElement.isConnected) clearInterval(timer)
        if (parentElement.isConnected) setTriggerValue("beat", performance.now())
      }, data.period)
    : undefined
  beating.set(parentElement, { told, timer })
}
