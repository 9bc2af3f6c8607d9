// A surface as pixels, without WebGL, which not every machine has: its 24,000 triangles are a few milliseconds of any
// processor.
const LAMP = [-0.46, 0.66, 0.59] // direction to the lamp, in the camera's coordinates
const DIM = 0.26 // of a surface that turns away from it

async function unpack(header, packed) {
  const buffer = await inflate(packed)
  let at = 0
  const take = (Kind, count) => {
    const made = new Kind(buffer.slice(at, at + count * Kind.BYTES_PER_ELEMENT))
    at += count * Kind.BYTES_PER_ELEMENT
    return made
  }
  return header.scenes.map(({ grid: [rows, columns], size: [height, width], normals: [high, wide] }) => ({
    rows, columns, height, width, high, wide,
    points: take(Float32Array, (rows + 1) * (columns + 1) * 3),
    quads: take(Uint8Array, rows * columns),
    picture: take(Uint8Array, height * width * 3),
    tones: take(Uint8Array, height * width),
    normals: take(Int8Array, high * wide * 3),
    textures: {},
  }))
}

const rgba = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r

// What a surface is covered with: colours, and their rows and columns.
function texture(scene, colour, palette) {
  return (scene.textures[colour] ??= paint(scene, colour, palette))
}

function paint({ picture, tones, normals, height, width, high, wide }, colour, palette) {
  const isLit = colour === "lit"
  const made = new Int32Array(isLit ? high * wide : height * width)
  for (let i = 0; i < made.length; i++) {
    const k = 3 * i
    if (colour === "picture") made[i] = rgba(picture[k], picture[k + 1], picture[k + 2])
    else if (colour === "depth") made[i] = rgba(...palette[tones[i]])
    else {
      const known = normals[k] || normals[k + 1] || normals[k + 2]
      const facing = (normals[k] * LAMP[0] + normals[k + 1] * LAMP[1] + normals[k + 2] * LAMP[2]) / 127
      const light = 250 * (known ? DIM + (1 - DIM) * Math.max(0, facing) : 0.5)
      made[i] = rgba(light, 0.985 * light, 0.95 * light)
    }
  }
  return isLit ? { pixels: made, high, wide } : { pixels: made, high: height, wide: width }
}

// Where the points of a scene are on a canvas, how near, and which pixel of the texture they wear.
function project(scene, header, view, { width, height }, cover) {
  const { rows, columns, points } = scene
  const count = (rows + 1) * (columns + 1)
  const at = (scene.at ??= new Float32Array(5 * count))
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)]
  const focal = header.focal * width * view.zoom
  const { middle, stride } = header
  const [top, left] = header.cut.map((cut) => cut + stride / 2)
  for (let i = 0; i < count; i++) {
    const x = points[3 * i], y = points[3 * i + 1], z = points[3 * i + 2] + middle
    const across = cy * x + sy * z
    const ahead = cy * z - sy * x
    const up = cp * y - sp * ahead
    const nearness = 1 / (middle - (cp * ahead + sp * y))
    at[5 * i] = width / 2 + focal * across * nearness
    at[5 * i + 1] = height / 2 - focal * up * nearness
    at[5 * i + 2] = nearness > 0 && nearness * middle < 12 ? nearness : 0 // not behind the eye, nor in it
    at[5 * i + 3] = ((left + stride * (i % (columns + 1))) * cover.wide) / scene.width
    at[5 * i + 4] = ((top + stride * Math.floor(i / (columns + 1))) * cover.high) / scene.height
  }
  return at
}

function raster(scene, header, view, colour, image, near) {
  const { width, height } = image
  const out = new Int32Array(image.data.buffer)
  const cover = texture(scene, colour, header.palette)
  const at = project(scene, header, view, image, cover)
  near.fill(0)
  const triangle = (a, b, c) => {
    const na = at[a + 2], nb = at[b + 2], nc = at[c + 2]
    if (!na || !nb || !nc) return
    const ax = at[a], ay = at[a + 1], bx = at[b], by = at[b + 1], cx = at[c], cy = at[c + 1]
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if (!area) return
    const left = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5)), right = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5))
    const top = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5)), bottom = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5))
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const px = x + 0.5, py = y + 0.5
        const wb = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) / area
        const wc = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / area
        const wa = 1 - wb - wc
        if (wa < -1e-4 || wb < -1e-4 || wc < -1e-4) continue
        const nearness = wa * na + wb * nb + wc * nc
        const pixel = y * width + x
        if (nearness <= near[pixel]) continue
        near[pixel] = nearness
        const u = Math.min(cover.wide - 1, (wa * at[a + 3] + wb * at[b + 3] + wc * at[c + 3]) | 0) // to the very edge
        const v = Math.min(cover.high - 1, (wa * at[a + 4] + wb * at[b + 4] + wc * at[c + 4]) | 0)
        out[pixel] = cover.pixels[v * cover.wide + u]
      }
    }
  }
  const { rows, columns, quads } = scene
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!quads[row * columns + column]) continue
      const a = 5 * (row * (columns + 1) + column), c = a + 5 * (columns + 1)
      triangle(a, a + 5, c)
      triangle(a + 5, c + 5, c)
    }
  }
}
