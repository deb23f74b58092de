"""A picture in 256 colours, a third as large; made by the browser, which has canvas and deflate."""

from base64 import b64decode, b64encode
from binascii import crc32
from struct import pack

from playwright.sync_api import Page

QUANTIZE = """
async (encoded) => {
  const blob = await (await fetch(`data:image/png;base64,${encoded}`)).blob();
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const chosen = [], near = [];
  for (const [pixel] of [...counts].sort((one, other) => other[1] - one[1])) {
    const rgb = parts(pixel);
    const apart = chosen.every((each) => Math.max(...each.map((part, at) => Math.abs(part - rgb[at]))) > 5);
    if (chosen.length < 256 && apart) chosen.push(rgb);
    else near.push(pixel);
  }
  const places = new Map(chosen.map((rgb, at) => [((255 << 24) | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0]) >>> 0, at]));
  for (const pixel of near) {
    const rgb = parts(pixel);
    let best = 0, least = Infinity;
    chosen.forEach((each, at) => {
      const far = each.reduce((sum, part, of) => sum + (part - rgb[of]) ** 2, 0);
      if (far < least) [best, least] = [at, far];
    });
    places.set(pixel, best);
  }
  const lines = new Uint8Array(height * (width + 1));
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      lines[row * (width + 1) + column + 1] = places.get(pixels[row * width + column]);
  const packed = new Blob([lines]).stream().pipeThrough(new CompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { width, height, palette: chosen.flat(), lines: btoa(text) };
}
"""
INDEXED = 3


def with_palette(beside: Page, picture: bytes) -> bytes:
    """The same PNG with the colours that it has most of; the rest become their nearest."""
    page = beside.context.new_page()
    found = page.evaluate(QUANTIZE, b64encode(picture).decode())
    page.close()
    head = pack(">IIBBBBB", found["width"], found["height"], 8, INDEXED, 0, 0, 0)
    chunks = (
        (b"IHDR", head),
        (b"PLTE", bytes(found["palette"])),
        (b"IDAT", b64decode(found["lines"])),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))
