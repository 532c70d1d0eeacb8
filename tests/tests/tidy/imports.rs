//! Reads which file of a crate imports which: every path in its code, tests left out, resolved to the file that defines
//! what the path names.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

/// The path of a file below `src`, such as `ledger/entry.rs`.
type Name = String;
/// The segments of a module's path from the root of its crate.
type Module = Vec<String>;

/// One path in a file that leads to another file of the same crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    /// The file that holds the path.
    pub(super) from: Name,
    /// The path, from the root of the crate.
    pub(super) path: String,
    /// The file whose module the path names.
    pub(super) through: Name,
    /// The file that defines the item: another one where the module named re-exports it. `None` for a module that is
    /// imported as a name: what is used of it is an import of its own.
    pub(super) to: Option<Name>,
}

/// The imports of one crate, given its files by their path below `src`.
pub(super) fn imports(sources: &BTreeMap<Name, String>) -> Vec<Import> {
    let mut files: BTreeMap<Module, File> = BTreeMap::new();
    let mut tests = BTreeSet::new();
    for (name, text) in sources {
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let module = module_of(name);
        let mut names = Names::new(&module);
        names.visit_file(&syntax);
        tests.extend(names.tests);
        let (items, uses) = (names.items, names.uses);
        let name = name.clone();
        files.insert(
            module,
            File {
                name,
                syntax,
                items,
                uses,
            },
        );
    }
    let is_test = |module: &Module| {
        let last = module.last().is_some_and(|last| last.ends_with("tests"));
        last || tests.iter().any(|test| module.starts_with(test))
    };
    files.retain(|module, _| !is_test(module));
    let tree = Tree { files };
    let mut found = BTreeSet::new();
    for (module, file) in &tree.files {
        let mut paths = Paths {
            tree: &tree,
            file: module,
            inside: module.clone(),
            found: BTreeSet::new(),
        };
        paths.visit_file(&file.syntax);
        for (path, is_use) in paths.found {
            let (through, rest) = tree.split(&path);
            let is_name = is_use && rest.is_empty();
            let to = (!is_name).then(|| tree.definer(&path, 0));
            let import = Import {
                from: file.name.clone(),
                path: path.join("::"),
                through: tree.files[through].name.clone(),
                to: to.map(|to| tree.files[to].name.clone()),
            };
            if import.through != import.from
                || import.to.as_ref().is_some_and(|to| *to != import.from)
            {
                found.insert(import);
            }
        }
    }
    found.into_iter().collect()
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`, `lib.rs` and `main.rs` the root.
fn module_of(name: &str) -> Module {
    let path = name.strip_suffix(".rs").expect("a Rust file");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if ["lib", "main"].contains(&path) {
        return Vec::new();
    }
    path.split('/').map(str::to_owned).collect()
}

struct File {
    name: Name,
    syntax: syn::File,
    /// What the file defines by name.
    items: BTreeSet<String>,
    uses: Vec<Use>,
}

/// One leaf of a `use`.
#[derive(Clone)]
struct Use {
    path: Vec<String>,
    /// The name it has here; `None` for a glob.
    name: Option<String>,
    /// The module it stands in.
    inside: Module,
}

struct Tree {
    files: BTreeMap<Module, File>,
}

impl Tree {
    /// The longest beginning of a path that is a file's module, and what follows it.
    fn split<'p>(&self, path: &'p [String]) -> (&'p [String], &'p [String]) {
        let longest = (0..=path.len()).rev();
        let mut lengths = longest.filter(|length| self.files.contains_key(&path[..*length]));
        path.split_at(lengths.next().expect("the root of the crate"))
    }

    /// The module of the file that defines what a path names: re-exports are followed.
    fn definer<'p>(&'p self, path: &'p [String], depth: usize) -> &'p [String] {
        self.exported(path, depth)
            .unwrap_or_else(|| self.split(path).0)
    }

    /// Like `definer`; `None` if the file named neither defines nor imports the name.
    fn exported<'p>(&'p self, path: &'p [String], depth: usize) -> Option<&'p [String]> {
        let (module, rest) = self.split(path);
        let (module, file) = self.files.get_key_value(module)?;
        let Some(name) = rest.first() else {
            return Some(module);
        };
        if file.items.contains(name) || depth > 8 {
            return Some(module);
        }
        let (named, globs): (Vec<_>, Vec<_>) = file.uses.iter().partition(|it| it.name.is_some());
        if let Some(it) = named.into_iter().find(|it| it.name.as_ref() == Some(name)) {
            // An item of another crate that is imported here is this file's.
            let Some(path) = self.absolute(module, &it.inside, &it.path) else {
                return Some(module);
            };
            let whole = [path, rest[1..].to_vec()].concat();
            return self.module(self.definer(&whole, depth + 1));
        }
        globs.into_iter().find_map(|it| {
            let mut path = self.absolute(module, &it.inside, &it.path)?;
            path.extend_from_slice(rest);
            self.module(self.exported(&path, depth + 1)?)
        })
    }

    fn module(&self, module: &[String]) -> Option<&[String]> {
        self.files
            .get_key_value(module)
            .map(|(module, _)| &module[..])
    }

    /// A path of `file`, written in its module `inside`, from the root of the crate; `None` if it leads to another crate
    /// or stays in the file.
    fn absolute(&self, file: &[String], inside: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut from = match first.as_str() {
            "crate" => Vec::new(),
            "self" => inside.to_vec(),
            "super" => inside.split_last()?.1.to_vec(),
            name => {
                let child = [inside, &[name.to_owned()]].concat();
                if self.files.contains_key(&child) {
                    child
                } else {
                    let uses = self.files.get(file)?.uses.iter();
                    let mut same = uses.filter(|it| it.name.as_deref() == Some(name));
                    let target = same.find(|it| it.path.first() != Some(first))?;
                    self.absolute(file, &target.inside, &target.path)?
                }
            }
        };
        for (at, segment) in rest.iter().enumerate() {
            match segment.as_str() {
                "super" => from.truncate(from.len().checked_sub(1)?),
                "self" => {}
                _ => {
                    from.extend_from_slice(&rest[at..]);
                    break;
                }
            }
        }
        Some(from)
    }
}

/// Collects what a file defines, its `use` declarations and its modules that are tests.
struct Names {
    inside: Module,
    items: BTreeSet<String>,
    uses: Vec<Use>,
    tests: Vec<Module>,
    depth: usize,
}

impl Names {
    fn new(module: &[String]) -> Self {
        Self {
            inside: module.to_vec(),
            items: BTreeSet::new(),
            uses: Vec::new(),
            tests: Vec::new(),
            depth: 0,
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if is_test(item) {
            if let syn::Item::Mod(it) = item {
                self.tests
                    .push([&self.inside[..], &[it.ident.to_string()]].concat());
            }
            return;
        }
        if self.depth == 0
            && let Some(name) = defined(item)
        {
            self.items.insert(name);
        }
        self.depth += 1;
        visit::visit_item(self, item);
        self.depth -= 1;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let depth = std::mem::replace(&mut self.depth, 1);
        self.inside.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.inside.pop();
        self.depth = depth;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            leaves(&item.tree, &mut Vec::new(), &self.inside, &mut self.uses);
        }
    }
}

/// The name of an item that a path can name.
#[allow(clippy::wildcard_enum_match_arm, reason = "syn may add kinds of items")]
fn defined(item: &syn::Item) -> Option<String> {
    use syn::Item::{Const, Enum, Fn, Macro, Static, Struct, Trait, Type};
    let ident = match item {
        Const(it) => &it.ident,
        Enum(it) => &it.ident,
        Fn(it) => &it.sig.ident,
        Macro(it) => it.ident.as_ref()?,
        Static(it) => &it.ident,
        Struct(it) => &it.ident,
        Trait(it) => &it.ident,
        Type(it) => &it.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Whether an item is compiled for tests only.
#[allow(clippy::wildcard_enum_match_arm, reason = "syn may add kinds of items")]
pub(super) fn is_test(item: &syn::Item) -> bool {
    use syn::Item::{Const, Enum, Fn, Impl, Macro, Mod, Static, Struct, Trait, Type, Use};
    for_tests(match item {
        Const(it) => &it.attrs,
        Enum(it) => &it.attrs,
        Fn(it) => &it.attrs,
        Impl(it) => &it.attrs,
        Macro(it) => &it.attrs,
        Mod(it) => &it.attrs,
        Static(it) => &it.attrs,
        Struct(it) => &it.attrs,
        Trait(it) => &it.attrs,
        Type(it) => &it.attrs,
        Use(it) => &it.attrs,
        _ => &[],
    })
}

fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return false;
        };
        let condition = list.tokens.to_string();
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all (test"))
    })
}

/// Takes a `use` apart into its leaves.
fn leaves(tree: &syn::UseTree, path: &mut Vec<String>, inside: &[String], found: &mut Vec<Use>) {
    let mut leaf = |path: &[String], last: Option<&syn::Ident>, name: Option<&syn::Ident>| {
        let mut path = path.to_vec();
        path.extend(last.map(ToString::to_string));
        // `a::{self}` has the name `a`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let own = (name == last).then(|| path.last().cloned()).flatten();
        let name = last.and(own.or_else(|| name.map(ToString::to_string)));
        let inside = inside.to_vec();
        found.push(Use { path, name, inside });
    };
    match tree {
        syn::UseTree::Path(it) => {
            path.push(it.ident.to_string());
            leaves(&it.tree, path, inside, found);
            path.pop();
        }
        syn::UseTree::Name(it) => leaf(path, Some(&it.ident), Some(&it.ident)),
        syn::UseTree::Rename(it) => leaf(path, Some(&it.ident), Some(&it.rename)),
        syn::UseTree::Glob(_) => leaf(path, None, None),
        syn::UseTree::Group(it) => {
            for tree in &it.items {
                leaves(tree, path, inside, found);
            }
        }
    }
}

/// Collects every path of a file that leads into its crate, each with whether it names what a `use` imports.
struct Paths<'t> {
    tree: &'t Tree,
    file: &'t [String],
    inside: Module,
    found: BTreeSet<(Vec<String>, bool)>,
}

impl Paths<'_> {
    fn add(&mut self, path: &[String]) {
        if let Some(path) = self.tree.absolute(self.file, &self.inside, path) {
            self.found.insert((path, false));
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.inside.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.inside.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut uses = Vec::new();
        if item.leading_colon.is_none() {
            leaves(&item.tree, &mut Vec::new(), &self.inside, &mut uses);
        }
        for it in uses {
            let path = self.tree.absolute(self.file, &it.inside, &it.path);
            self.found
                .extend(path.map(|path| (path, it.name.is_some())));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|it| it.ident.to_string());
        let segments: Vec<_> = segments.collect();
        if path.leading_colon.is_none() && segments.len() > 1 {
            self.add(&segments);
        }
        visit::visit_path(self, path);
    }

    // `pub(in crate::a)` imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        // The tokens of a macro are no syntax tree: a path is what `::` joins.
        let text = item.tokens.to_string().replace(" :: ", "::");
        let words = text.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
        for word in words.filter(|word| word.contains("::") && !word.starts_with(':')) {
            let segments = word.split("::").take_while(|it| !it.is_empty());
            self.add(&segments.map(str::to_owned).collect::<Vec<_>>());
        }
    }
}
