//! A padlock with the face of a llama, as packaging/windows/icon.py draws it for the executable, whose body has the colour of
//! the tap's state.
//!
//! Drawing it for each colour and each size that screens want is smaller than storing it.

use super::status::TapState;

/// Points that a pixel is averaged over, in each direction.
const FINE: u32 = 4;

const STEEL: Color = [96, 108, 122];
const WOOL: Color = [250, 246, 238];
const SHADE: Color = [226, 214, 196];
const DARK: Color = [32, 38, 46];

type Color = [u8; 3];

/// The area of a part of the drawing, on a square of 100 by 100.
enum Shape {
    /// Middle, half its width and height, and how far it leans (radians).
    Ellipse(f32, f32, f32, f32, f32),
    /// Left, top, right, bottom, and how round its corners are.
    Box(f32, f32, f32, f32, f32),
    /// Middle, inner and outer width, and where its legs end.
    Shackle(f32, f32, f32, f32, f32),
    /// Middle and width of its round part.
    Keyhole(f32, f32, f32),
}

/// The drawing, from the back to the front.
fn drawing(body: Color) -> [(Color, Shape); 11] {
    [
        (STEEL, Shape::Shackle(50.0, 38.0, 25.0, 35.0, 56.0)),
        (body, Shape::Box(9.0, 42.0, 91.0, 97.0, 13.0)),
        (WOOL, Shape::Ellipse(37.0, 30.0, 7.5, 19.0, -0.16)),
        (WOOL, Shape::Ellipse(63.0, 30.0, 7.5, 19.0, 0.16)),
        (SHADE, Shape::Ellipse(37.5, 30.0, 3.5, 12.0, -0.16)),
        (SHADE, Shape::Ellipse(62.5, 30.0, 3.5, 12.0, 0.16)),
        (WOOL, Shape::Ellipse(50.0, 63.0, 25.0, 28.0, 0.0)),
        (SHADE, Shape::Ellipse(50.0, 74.0, 15.0, 13.0, 0.0)),
        (DARK, Shape::Ellipse(37.5, 58.0, 4.2, 5.2, 0.0)),
        (DARK, Shape::Ellipse(62.5, 58.0, 4.2, 5.2, 0.0)),
        (DARK, Shape::Keyhole(50.0, 70.0, 5.0)),
    ]
}

/// The colour that tells the state.
pub fn color(state: TapState) -> Color {
    match state {
        TapState::Serving => [20, 128, 120],
        TapState::OllamaDown => [217, 130, 0],
        TapState::TapDown => [190, 30, 45],
    }
}

/// Paints a square icon of `side` pixels: red, green, blue and opacity of each pixel, row by row.
pub fn draw(state: TapState, side: u32) -> Vec<u8> {
    let drawing = drawing(color(state));
    (0..side * side)
        .flat_map(|at| pixel(&drawing, at % side, at / side, side))
        .collect()
}

/// Paints one pixel, averaged over the points in it.
fn pixel(drawing: &[(Color, Shape)], column: u32, row: u32, side: u32) -> [u8; 4] {
    let place = |pixel: u32, fine: u32| {
        (pixel as f32 + (fine as f32 + 0.5) / FINE as f32) * 100.0 / side as f32
    };
    let points = (0..FINE * FINE).map(|n| (place(column, n % FINE), place(row, n / FINE)));
    let render: Vec<Color> = points
        .filter_map(|(x, y)| color_at(drawing, x, y))
        .collect();
    let mean = |part: usize| {
        render
            .iter()
            .map(|color| u32::from(color[part]))
            .sum::<u32>()
            / (render.len() as u32).max(1)
    };
    [
        mean(0) as u8,
        mean(1) as u8,
        mean(2) as u8,
        (render.len() as u32 * 255 / (FINE * FINE)) as u8,
    ]
}

fn color_at(drawing: &[(Color, Shape)], x: f32, y: f32) -> Option<Color> {
    drawing
        .iter()
        .rev()
        .find(|(_, shape)| shape.holds(x, y))
        .map(|(color, _)| *color)
}

impl Shape {
    fn holds(&self, px: f32, py: f32) -> bool {
        match *self {
            Shape::Ellipse(x, y, wide, high, lean) => {
                let (dx, dy, (sin, cos)) = (px - x, py - y, lean.sin_cos());
                ((dx * cos + dy * sin) / wide).powi(2) + ((dy * cos - dx * sin) / high).powi(2)
                    <= 1.0
            }
            Shape::Box(left, top, right, bottom, round) => {
                let dx = (left + round - px).max(px - right + round).max(0.0);
                let dy = (top + round - py).max(py - bottom + round).max(0.0);
                dx * dx + dy * dy <= round * round
            }
            Shape::Shackle(x, y, inner, outer, bottom) => {
                let across = if py > y {
                    (px - x).abs()
                } else {
                    (px - x).hypot(py - y)
                };
                (inner..=outer).contains(&across) && py <= bottom
            }
            Shape::Keyhole(x, y, size) => {
                let is_in_slit = (0.0..=2.1 * size).contains(&(py - y))
                    && (px - x).abs() <= 0.42 * size + 0.12 * (py - y);
                is_in_slit || (px - x).hypot(py - y) <= size
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [TapState; 3] = [TapState::Serving, TapState::OllamaDown, TapState::TapDown];

    fn at(icon: &[u8], x: usize, y: usize) -> &[u8] {
        &icon[(y * 32 + x) * 4..][..4]
    }

    #[test]
    fn the_body_has_the_colour_of_the_state_and_the_corners_are_clear() {
        for state in STATES {
            let icon = draw(state, 32);
            assert_eq!(icon.len(), 32 * 32 * 4);
            let [r, g, b] = color(state);
            assert_eq!(at(&icon, 5, 25), [r, g, b, 255], "{state:?}");
            assert_eq!(at(&icon, 0, 0), [0, 0, 0, 0], "{state:?}");
            assert_eq!(
                at(&icon, 16, 22),
                [DARK[0], DARK[1], DARK[2], 255],
                "{state:?}"
            );
        }
    }

    #[test]
    fn the_body_is_seen_at_the_smallest_size() {
        for state in STATES {
            let [r, g, b] = color(state);
            let icon = draw(state, 16);
            assert!(
                icon.chunks(4)
                    .filter(|pixel| **pixel == [r, g, b, 255])
                    .count()
                    >= 20,
                "{state:?}"
            );
        }
    }
}
