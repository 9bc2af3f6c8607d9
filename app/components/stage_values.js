// The panels' values. They come as app/readings.py packs them, once for each digest, and are asked for when somebody looks.
const readings = new Map() // digest -> values
const pixels = new Map() // digest -> RGBA of a picture
const KEPT = 96

const signed = (text) => text.replace("-", "−")

function forget(map) {
  while (map.size > KEPT) map.delete(map.keys().next().value)
}

async function unpack(bytes) {
  const [reading, packed] = read(bytes)
  const raw = new Uint8Array(await inflate(packed))
  const count = reading.width * reading.height
  let offset = 0
  for (const plane of reading.planes) {
    const kind = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[plane.bytes]
    plane.values = new kind(count) // sums wrap around as the differences did
    plane.none = 2 ** (8 * plane.bytes) - 1
    for (let i = 0, last = 0; i < count; i++) {
      let step = 0
      for (let byte = 0; byte < plane.bytes; byte++) step += raw[offset + byte * count + i] * 2 ** (8 * byte)
      plane.values[i] = last + step
      last = plane.values[i]
    }
    offset += plane.bytes * count
  }
  return reading
}

// Takes the values out of a message, from its end.
async function keepValues(root, header, blob) {
  let offset = blob.length - (header.values ?? []).reduce((sum, [, length]) => sum + length, 0)
  for (const [digest, length] of header.values ?? []) {
    const bytes = blob.slice(offset, offset + length)
    offset += length
    if (!readings.has(digest)) readings.set(digest, await unpack(bytes))
  }
  if (header.values?.length) {
    forget(readings)
    tell(root)
  }
}

function number(plane, i, plus = "") {
  const q = plane.values[i]
  if (q === plane.none) return null
  const value = (q + plane.least) / 10 ** plane.digits
  return (value > 0 ? plus : "") + signed(value.toFixed(plane.digits))
}

const withUnit = (text, unit) => `${text}${unit && unit !== "°" ? " " : ""}${unit}`
const turned = (plane, i, more, less) => {
  const degrees = plane.values[i] + plane.least
  return `${Math.abs(degrees)}° ${degrees < 0 ? less : more}`
}

// Each kind in its own words; null where a pixel has no value.
const WORDING = {
  number: ({ planes: [plane], unit }, i) => number(plane, i) && withUnit(number(plane, i), unit),
  changed: ({ planes: [plane] }, i) => (plane.values[i] ? "changed" : "the same class"),
  vector: ({ planes }, i) => number(planes[0], i) && `(${planes.map((plane) => number(plane, i)).join(", ")})`,
  perturbation: ({ planes }, i) => `${planes.map((plane) => number(plane, i, "+")).join(" ")} /255`,
  direction: ({ planes: [x, y, z, aside, up] }, i) =>
    number(x, i) &&
    `${turned(aside, i, "right", "left")}, ${turned(up, i, "up", "down")}\n(${[x, y, z].map((plane) => number(plane, i)).join(", ")})`,
  classes: ({ planes: [which, share], names }, i) => {
    const name = names[which.values[i] + which.least]
    return which.values[i] === which.none ? null : share ? `${name} ${number(share, i)} %` : name
  },
}

function rgba(image) {
  const key = image.dataset.digest
  if (!pixels.has(key)) {
    const canvas = document.createElement("canvas")
    canvas.width = image.naturalWidth
    canvas.height = image.naturalHeight
    const context = canvas.getContext("2d", { willReadFrequently: true })
    context.drawImage(image, 0, 0)
    pixels.set(key, context.getImageData(0, 0, canvas.width, canvas.height))
    forget(pixels)
  }
  return pixels.get(key)
}

// What a panel's picture says at a place: its words, and the colour of a class; undefined where it has no values.
function valueAt(image, at, aspect) {
  const [column, row] = pixelAt(image, at, aspect)
  const i = row * image.naturalWidth + column
  const { values, panel } = image.dataset
  if (values) {
    const reading = readings.get(values)
    if (!reading) return { text: "…" }
    const text = WORDING[reading.kind](reading, i) ?? "no label"
    const [which] = reading.planes
    return { text, colour: reading.colours?.[which.values[i] + which.least] }
  }
  if (!["clean", "adversarial", "noise", "target"].includes(panel) || !image.naturalWidth) return undefined
  return { text: rgb(rgba(image).data, i) }
}

const rgb = (data, i) => `RGB ${data[4 * i]} ${data[4 * i + 1]} ${data[4 * i + 2]}`

// The same where a panel is covered with a picture composed here; an amplified perturbation does not tell its values.
function composedAt({ data }, image, at, aspect) {
  const [column, row] = pixelAt(image, at, aspect)
  return { text: image.dataset.panel === "adversarial" ? rgb(data.data, row * data.width + column) : "…" }
}
