// Asks the fragment it is drawn in to run again every `period` milliseconds, `times` times (0: until told otherwise).
// Where it follows the jobs `names`, it first asks the server, which is quick, whether there is more than is `known` here.
// Streamlit's own `run_every` can only be changed by running the whole page again, which throws away what is under way.
const beating = new WeakMap() // element -> what it was last told, and on which page
const ANYWAY = 8000 // ms after which a part is drawn again though there is no news: it tells how many come first

async function isNews({ names, known }) {
  const root = document.querySelector("script[type=module]").src // of the app, which may not be that of the host
  try {
    return (await (await fetch(new URL(`../../news/${names}`, root))).text()) !== known
  } catch {
    return true
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  const told = JSON.stringify(data)
  const last = beating.get(parentElement)
  if (last?.told === told) return
  clearInterval(last?.timer)
  const page = last?.page ?? location.pathname
  let left = data.times || Infinity
  let beaten = performance.now()
  let isAsking = false
  const look = async () => {
    if (!parentElement.isConnected) return clearInterval(timer)
    if (window.mtaTurning?.isLeaving(page) || isAsking) return
    if (data.names && performance.now() - beaten < ANYWAY) {
      isAsking = true
      const there = await isNews(data)
      isAsking = false
      if (!there || beating.get(parentElement)?.timer !== timer) return
    }
    beaten = performance.now()
    left -= 1
    if (left < 1) clearInterval(timer)
    setTriggerValue("beat", beaten)
  }
  const timer = data.period ? setInterval(look, data.period) : undefined
  beating.set(parentElement, { told, timer, page })
}
