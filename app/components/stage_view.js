// Which part of every picture is seen, and where the cross-hair is: one state for all panels of a stage.
const MOST_ZOOM = 32
const within = (value, low, high) => Math.min(Math.max(value, low), high)

// x, y: the left upper corner of what is seen; at: the cross-hair, or null. Both in widths and heights of the picture.
function newView() {
  return { zoom: 1, x: 0, y: 0, at: null }
}

// Keeps what lies under (u, v), in widths and heights of a panel, where it is.
function zoomTo(root, zoom, u = 0.5, v = 0.5) {
  const view = root.view
  const next = within(zoom, 1, MOST_ZOOM)
  view.x += u / view.zoom - u / next
  view.y += v / view.zoom - v / next
  view.zoom = next
  show(root)
}

// Moves the pictures by so many widths and heights of a panel.
function pan(root, u, v) {
  root.view.x -= u / root.view.zoom
  root.view.y -= v / root.view.zoom
  show(root)
}

// Puts the cross-hair on a place of the panels; null takes it away.
function point(root, u, v) {
  const view = root.view
  view.at = u === null ? null : [within(view.x + u / view.zoom, 0, 1), within(view.y + v / view.zoom, 0, 1)]
  show(root)
}

// Puts the cross-hair on a place of the picture, and that place into sight.
function seek(root, x, y) {
  const view = root.view
  const size = 1 / view.zoom
  view.at = [within(x, 0, 1), within(y, 0, 1)]
  view.x = within(view.x, view.at[0] - 0.95 * size, view.at[0] - 0.05 * size)
  view.y = within(view.y, view.at[1] - 0.95 * size, view.at[1] - 0.05 * size)
  show(root)
}

// The pixel of a picture under a place: pictures of other proportions than the panels are cut at both sides.
function pixelAt(image, [x, y], aspect) {
  const { naturalWidth: width, naturalHeight: height } = image
  const own = width / height
  const column = Math.floor(width * (0.5 + (x - 0.5) * Math.min(1, aspect / own)))
  const row = Math.floor(height * (0.5 + (y - 0.5) * Math.min(1, own / aspect)))
  return [within(column, 0, width - 1), within(row, 0, height - 1)]
}

function show(root) {
  const { view, panels } = root
  const most = 1 - 1 / view.zoom
  view.x = within(view.x, 0, most)
  view.y = within(view.y, 0, most)
  const style = root.style
  style.setProperty("--zoom", view.zoom)
  style.setProperty("--tx", `${-100 * view.x * view.zoom}%`)
  style.setProperty("--ty", `${-100 * view.y * view.zoom}%`)
  root.classList.toggle("mta-zoomed", view.zoom > 1)
  root.classList.toggle("mta-linked", Boolean(view.at))
  const main = panels[0]
  if (main) {
    const wide = main.frame.clientWidth * view.zoom / (main.image.naturalWidth || 1) // of a pixel, on the screen
    root.classList.toggle("mta-pixels", wide * devicePixelRatio > 1.5)
    if (view.at) aim(root, main, wide)
  }
  root.dispatchEvent(new CustomEvent("mta-view"))
  tell(root)
}

// The cross-hair: where pixels are large enough to be seen, a frame around one.
function aim(root, main, wide) {
  const { view, style } = root
  let [x, y] = view.at
  const isBox = wide >= 5
  root.classList.toggle("mta-boxed", isBox)
  if (isBox) {
    const { naturalWidth: width, naturalHeight: height } = main.image
    x = (Math.min(Math.floor(x * width), width - 1) + 0.5) / width
    y = (Math.min(Math.floor(y * height), height - 1) + 0.5) / height
    style.setProperty("--box", `${wide}px`)
  }
  style.setProperty("--x", `${100 * (x - view.x) * view.zoom}%`)
  style.setProperty("--y", `${100 * (y - view.y) * view.zoom}%`)
}
