use std::fmt;

/// Which control of a mixer: several may have one name, and are told apart by their index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlName {
    /// The name, with every space it has.
    pub name: String,
    /// 0 for the first of that name.
    pub index: u32,
}

impl ControlName {
    /// Reads what `amixer scontrols` prints: `'PCM',1`, without the quotes too; `PCM` is the first of that name. In
    /// quotes a name keeps the spaces at its ends and its commas, as it does without them.
    pub fn parse(text: &str) -> ControlName {
        let indexed = text.rsplit_once(',').and_then(|(name, index)| Some((name, index.trim().parse().ok()?)));
        let (name, index) = indexed.unwrap_or((text, 0));
        let unquoted = ['\'', '"'].into_iter().find_map(|quote| name.trim().strip_prefix(quote)?.strip_suffix(quote));
        ControlName { name: unquoted.unwrap_or(name).to_owned(), index }
    }
}

impl fmt::Display for ControlName {
    /// As `amixer` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}',{}", self.name, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_amixer_prints_can_be_said() {
        for (text, name, index) in [
            ("Master", "Master", 0),
            ("PCM,1", "PCM", 1),
            ("'PCM',1", "PCM", 1),
            ("\"PCM\",1", "PCM", 1),
            ("'PCM'", "PCM", 0),
            ("D10s ", "D10s ", 0),
            ("'D10s ',0", "D10s ", 0),
            ("Line, rear", "Line, rear", 0),
            ("'Line, 2',3", "Line, 2", 3),
            ("'Line, 2'", "Line, 2", 0),
            ("PCM,-1", "PCM,-1", 0),
            ("'", "'", 0),
            ("", "", 0),
        ] {
            let control = ControlName::parse(text);
            assert_eq!((control.name.as_str(), control.index), (name, index), "{text}");
            assert_eq!(ControlName::parse(&control.to_string()), control);
        }
    }
}
