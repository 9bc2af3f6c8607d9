// Asks the fragment it is drawn in to run again every `period` milliseconds, `times` times (0: until told otherwise).
// Where it follows the jobs `names`, it first asks the server, which is quick, whether there is more than is `known` here.
// Streamlit's own `run_every` can only be changed by running the whole page again, which throws away what is under way.
const beating = new WeakMap() // element -> what it was last told, and on which page
const ANYWAY = 8000 // ms after which a part is drawn again though there is no news: it tells how many come first
const PATIENCE = 4000 // ms for the server to say whether there is news
const GONE = 60000 // ms out of the page after which a part will not be back; a page that is busy takes it out for moments

async function isNews({ names, known }) {
  const root = document.querySelector("script[type=module]").src // of the app, which may not be that of the host
  try {
    const answer = await fetch(new URL(`../../news/${names}`, root), { signal: AbortSignal.timeout(PATIENCE) })
    return (await answer.text()) !== known
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
  let there = beaten
  let isAsking = false
  const look = async () => {
    if (parentElement.isConnected) there = performance.now()
    else return performance.now() - there > GONE && clearInterval(timer)
    if (window.mtaTurning?.isLeaving(page) || isAsking) return
    if (data.names && performance.now() - beaten < ANYWAY) {
      isAsking = true
      const isNew = await isNews(data)
      isAsking = false
      if (!isNew || beating.get(parentElement)?.timer !== timer) return
    }
    beaten = performance.now()
    left -= 1
    if (left < 1) clearInterval(timer)
    setTriggerValue("beat", beaten)
  }
  const timer = data.period ? setInterval(look, data.period) : undefined
  beating.set(parentElement, { told, timer, page })
}
