//! The nearest of many points without a look at each: a k-d tree (Bentley, *Comm. ACM* 18, 1975).

use super::vector::{Vec3, dot, sub};

/// So few points are looked at one by one.
const LEAF: usize = 6;

/// Points sorted so that each slice is parted by its middle one, along the axis on which it is widest.
#[derive(Debug, Clone)]
pub struct Tree(Vec<Node>);

#[derive(Debug, Clone)]
struct Node {
    point: Vec3,
    index: usize,
    axis: usize,
}

impl Tree {
    /// From points, which keep their index.
    pub fn new(points: impl IntoIterator<Item = Vec3>) -> Self {
        let mut nodes: Vec<Node> =
            points.into_iter().enumerate().map(|(index, point)| Node { point, index, axis: 0 }).collect();
        part(&mut nodes);
        Self(nodes)
    }

    /// Shows `seen` every point as near as `reach` (squared distance), and maybe others: index and squared distance.
    /// It answers the new reach; in the beginning that is infinite.
    pub fn search(&self, from: Vec3, seen: &mut impl FnMut(usize, f64) -> f64) {
        let mut reach = f64::INFINITY;
        descend(&self.0, from, &mut reach, seen);
    }
}

fn part(nodes: &mut [Node]) {
    if nodes.len() <= LEAF {
        return;
    }
    let width = |axis: usize| {
        let ends = nodes.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), node| {
            (node.point[axis].min(low), node.point[axis].max(high))
        });
        ends.1 - ends.0
    };
    let widths = [0, 1, 2].map(width);
    let axis = (1..3).fold(0, |best, axis| if widths[axis] > widths[best] { axis } else { best });
    let middle = nodes.len() / 2;
    nodes.select_nth_unstable_by(middle, |a, b| a.point[axis].total_cmp(&b.point[axis]));
    nodes[middle].axis = axis;
    let (below, rest) = nodes.split_at_mut(middle);
    part(below);
    part(&mut rest[1..]);
}

fn descend(nodes: &[Node], from: Vec3, reach: &mut f64, seen: &mut impl FnMut(usize, f64) -> f64) {
    let mut look = |node: &Node, reach: &mut f64| {
        let away = sub(node.point, from);
        *reach = seen(node.index, dot(away, away));
    };
    if nodes.len() <= LEAF {
        nodes.iter().for_each(|node| look(node, reach));
        return;
    }
    let (below, rest) = nodes.split_at(nodes.len() / 2);
    let (middle, above) = (&rest[0], &rest[1..]);
    look(middle, reach);
    let beyond = from[middle.axis] - middle.point[middle.axis];
    let (here, there) = if beyond < 0.0 { (below, above) } else { (above, below) };
    descend(here, from, reach, seen);
    if beyond * beyond <= *reach {
        descend(there, from, reach, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acoustics::vector::direction;

    #[test]
    fn the_nearest_are_found_without_a_look_at_most() {
        let ring = |count: usize| (0..count).map(move |i| direction(360.0 * i as f64 / count as f64, 0.0));
        let grid = (-8..=8).flat_map(|i| (0..72).map(move |j| direction(5.0 * f64::from(j), 10.0 * f64::from(i))));
        let clouds: [Vec<Vec3>; 4] =
            [ring(360).collect(), grid.collect(), ring(5).collect(), vec![[1.0, 0.0, 0.0]; 40]];
        for points in clouds {
            let tree = Tree::new(points.iter().copied());
            let mut looks = 0;
            for i in 0..200 {
                let from = direction(7.3 * f64::from(i), 0.05 * f64::from(i) - 5.0);
                let mut found: Vec<(f64, usize)> = Vec::new();
                tree.search(from, &mut |index, away| {
                    looks += 1;
                    found.push((away, index));
                    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                    found.truncate(7);
                    if found.len() < 7 { f64::INFINITY } else { found[6].0 }
                });
                let away = |point: &Vec3| dot(sub(*point, from), sub(*point, from));
                let mut all: Vec<(f64, usize)> = points.iter().map(away).zip(0..).collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                all.truncate(7);
                assert_eq!(found, all);
            }
            if points.len() > 100 {
                assert!(looks < 200 * points.len() / 5, "{looks} looks at {} points", points.len());
            }
        }
        Tree::new([]).search([0.0; 3], &mut |_, _| panic!("there is nothing"));
    }
}
