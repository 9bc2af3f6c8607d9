// Asks the fragment it is drawn in to run again every `period` milliseconds; 0 ends it.
// Streamlit's own `run_every` can only be changed by running the whole page again, which throws away what is under way.
const timers = new WeakMap()

export default function ({ parentElement, data, setTriggerValue }) {
  clearInterval(timers.get(parentElement))
  if (!data.period) return
  const timer = setInterval(() => {
    if (parentElement.isConnected) setTriggerValue("beat", performance.now())
    else clearInterval(timer)
  }, data.period)
  timers.set(parentElement, timer)
}
