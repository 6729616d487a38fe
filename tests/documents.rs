//! What the documents say about files: that they are there, and how long they are.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENTS: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/compared.md",
    "docs/testing.md",
    "benches/README.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files that a document links to, and what follows each link.
fn links(document: &str) -> Vec<(PathBuf, String)> {
    let path = root().join(document);
    let text = fs::read_to_string(&path).unwrap();
    let links = text.split("](").skip(1).filter_map(|link| link.split_once(')'));
    let files = links.filter(|(target, _)| !target.contains("://"));
    files.map(|(target, rest)| (path.parent().unwrap().join(target), rest.to_owned())).collect()
}

#[test]
fn every_link_leads_to_a_file() {
    for document in DOCUMENTS {
        for (file, _) in links(document) {
            assert!(file.exists(), "{document} links to {}", file.display());
        }
    }
}

#[test]
fn the_readme_lists_every_example() {
    let listed: Vec<PathBuf> = links("README.md").into_iter().map(|(file, _)| file).collect();
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let main = if path.is_dir() { path.join("main.rs") } else { path };
        // What they share is no example.
        assert!(!main.exists() || listed.contains(&main), "{}", main.display());
    }
}

/// Lines that are neither blank nor comment nor the text of `--help`.
fn lines_of_code(file: &Path) -> usize {
    let text = fs::read_to_string(file).unwrap();
    let mut in_usage = false;
    let is_code = |line: &&str| {
        let is_text = in_usage;
        in_usage = line.starts_with("const USAGE") || in_usage && !line.ends_with("\";");
        !is_text && !line.trim().is_empty() && !line.trim_start().starts_with("//")
    };
    text.lines().filter(is_code).count()
}

/// Those of an example, which may have a folder.
fn lines_of_example(main: &Path) -> usize {
    if !main.ends_with("main.rs") {
        return lines_of_code(main);
    }
    let files = fs::read_dir(main.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| lines_of_code(&file))
        .sum()
}

#[test]
fn examples_are_as_long_as_the_comparison_says() {
    for document in ["README.md", "docs/compared.md"] {
        let mut compared = 0;
        for (file, rest) in links(document) {
            let Some(stated) = rest.strip_prefix(" | ").and_then(|rest| rest.split_once(" |")) else {
                continue;
            };
            let Ok(stated) = stated.0.parse::<usize>() else { continue };
            assert_eq!(stated, lines_of_example(&file), "{document}: {}", file.display());
            compared += 1;
        }
        assert!(compared >= 8, "{document} compares {compared} examples");
    }
}
