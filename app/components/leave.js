// Clicks the name of the page in the navigation, once for each token; loads the address where that is out of sight.
export default function ({ parentElement, data }) {
  if (parentElement.went === data.token) return
  parentElement.went = data.token
  const target = new URL(data.link, location.href)
  const names = [...document.querySelectorAll('[data-testid="stTopNavLink"], [data-testid="stSidebarNavLink"]')]
  const name = names.find((link) => new URL(link.href).pathname === target.pathname)
  if (name) name.click()
  else location.assign(target)
}
