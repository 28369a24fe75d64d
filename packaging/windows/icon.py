#!/usr/bin/env python3
"""Draws ollama-tap.ico: a padlock with the face of a llama, whose nose is the keyhole and whose ears stand in the shackle.

Run it in this directory after changing the drawing; the .ico is kept beside it, so that a build needs no Python.
"""

import math
import struct
import zlib

SIZES = (16, 20, 24, 32, 48, 64, 256)
FINE = 4  # points a pixel is averaged over, in each direction

STEEL, BODY, WOOL, SHADE, DARK = (96, 108, 122), (20, 128, 120), (250, 246, 238), (226, 214, 196), (32, 38, 46)


def ellipse(x, y, wide, high, lean=0.0):
    cos, sin = math.cos(lean), math.sin(lean)
    def holds(px, py):
        dx, dy = px - x, py - y
        return ((dx * cos + dy * sin) / wide) ** 2 + ((dy * cos - dx * sin) / high) ** 2 <= 1
    return holds


def box(left, top, right, bottom, round_by):
    def holds(px, py):
        dx = max(left + round_by - px, 0, px - right + round_by)
        dy = max(top + round_by - py, 0, py - bottom + round_by)
        return dx * dx + dy * dy <= round_by * round_by
    return holds


def ring(x, y, inner, outer, bottom):
    def holds(px, py):
        across = abs(px - x) if py > y else math.hypot(px - x, py - y)
        return inner <= across <= outer and py <= bottom
    return holds


def keyhole(x, y, size):
    def holds(px, py):
        slit = 0 <= py - y <= 2.1 * size and abs(px - x) <= 0.42 * size + 0.12 * (py - y)
        return slit or math.hypot(px - x, py - y) <= size
    return holds


# On a square of 100 by 100, from the back to the front.
DRAWING = (
    (STEEL, ring(50, 38, 25, 35, 56)),
    (BODY, box(9, 42, 91, 97, 13)),
    (WOOL, ellipse(37, 30, 7.5, 19, -0.16)),
    (WOOL, ellipse(63, 30, 7.5, 19, 0.16)),
    (SHADE, ellipse(37.5, 30, 3.5, 12, -0.16)),
    (SHADE, ellipse(62.5, 30, 3.5, 12, 0.16)),
    (WOOL, ellipse(50, 63, 25, 28)),
    (SHADE, ellipse(50, 74, 15, 13)),
    (DARK, ellipse(37.5, 58, 4.2, 5.2)),
    (DARK, ellipse(62.5, 58, 4.2, 5.2)),
    (DARK, keyhole(50, 70, 5)),
)


def pixel(column, row, size):
    """Red, green, blue and opacity of one pixel, averaged over the points in it."""
    red = green = blue = seen = 0
    for n in range(FINE * FINE):
        x = (column + (n % FINE + 0.5) / FINE) * 100 / size
        y = (row + (n // FINE + 0.5) / FINE) * 100 / size
        color = next((color for color, holds in reversed(DRAWING) if holds(x, y)), None)
        if color:
            red, green, blue, seen = red + color[0], green + color[1], blue + color[2], seen + 1
    return (red // seen, green // seen, blue // seen, seen * 255 // FINE**2) if seen else (0, 0, 0, 0)


def png(size):
    rows = (b"\0" + bytes(part for column in range(size) for part in pixel(column, row, size)) for row in range(size))
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + chunk(b"IEND", b"")


def icon(images):
    at = 6 + 16 * len(images)
    entries = b""
    for size, image in images:
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), at)
        at += len(image)
    return struct.pack("<HHH", 0, 1, len(images)) + entries + b"".join(image for _, image in images)


if __name__ == "__main__":
    with open("ollama-tap.ico", "wb") as file:
        file.write(icon([(size, png(size)) for size in SIZES]))
