"""Digits as somebody draws them with a mouse: lines and arcs on a canvas."""
import math


def arc(x, y, rx, ry, start, end, steps=24):
    """Points of an ellipse, angles in degrees, clockwise from three o'clock, y downwards."""
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


# Strokes in a frame of width 0.6 and height 1.
STROKES = {
    0: [arc(0.3, 0.5, 0.3, 0.5, 0, 360)],
    1: [[(0.15, 0.2), (0.35, 0.0), (0.35, 1.0)]],
    2: [[*arc(0.3, 0.28, 0.28, 0.28, 180, 380), (0.0, 1.0), (0.62, 1.0)]],
    3: [[*arc(0.27, 0.25, 0.27, 0.25, 200, 450), *arc(0.27, 0.74, 0.31, 0.26, 270, 510)]],
    4: [[(0.4, 0.0), (0.0, 0.62), (0.62, 0.62)], [(0.44, 0.3), (0.42, 1.0)]],
    5: [[(0.55, 0.0), (0.1, 0.0), (0.06, 0.45), *arc(0.27, 0.69, 0.31, 0.29, 235, 510)]],
    6: [[(0.45, 0.0), (0.18, 0.3), *arc(0.3, 0.72, 0.27, 0.27, 190, 550)]],
    7: [[(0.0, 0.0), (0.6, 0.0), (0.22, 1.0)]],
    8: [arc(0.3, 0.25, 0.22, 0.25, 90, 450), arc(0.3, 0.75, 0.29, 0.25, 270, 630)],
    9: [[*arc(0.3, 0.28, 0.27, 0.27, 0, 360), (0.56, 0.28), (0.48, 1.0)]],
}


def draw(path, digit, canvas=(280, 280), height=160, at=(70, 50), pen=14, ink="black", paper="white", mode="RGB"):
    """Save a drawing of a digit as a picture.

    Args:
        path: of the file.
        digit: 0 to 9.
        canvas: (width, height) in pixels.
        height: of the digit.
        at: its upper left corner.
        pen: its width.
        ink, paper: colours.
        mode: of the picture, such as "RGBA".
    """
    from PIL import Image, ImageDraw
    picture = Image.new(mode, canvas, paper)
    pencil = ImageDraw.Draw(picture)
    for stroke in STROKES[digit]:
        points = [(at[0] + x * height, at[1] + y * height) for x, y in stroke]
        pencil.line(points, fill=ink, width=pen, joint="curve")
        for x, y in points:
            if pen > 2:
                pencil.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=ink)
    picture.save(path)
    return path
