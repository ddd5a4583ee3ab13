//! Pages about commands of a shell, for who learns it: what each does, with an example, and a picture where one helps. They are
//! shown, and nothing of them is run.

use crate::commands::indented;

/// A page about one command.
#[derive(Debug)]
pub struct Page {
    /// The command.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it does, in half a line.
    pub summary: &'static str,
    /// What there is to know, in lines of at most 76 characters.
    pub text: &'static str,
    /// A line that somebody may type in a shell, and what it does.
    pub example: (&'static str, &'static str),
    /// A picture, in lines of at most 76 characters; or empty.
    pub picture: &'static str,
}

/// All of them, in the order in which somebody learns them.
pub static PAGES: [Page; 14] = [
    Page {
        name: "pwd",
        usage: "pwd",
        summary: "prints the folder in which you are",
        text: "Each shell is in one folder at a time; a path that does not begin with /\nbegins there.",
        example: ("pwd", "prints for example /home/ana/notes"),
        picture: "",
    },
    Page {
        name: "ls",
        usage: "ls [-l] [-a] [PATH...]",
        summary: "lists what a folder holds",
        text: "-l shows owner, size, date and who may do what; -a also what begins with a\ndot.",
        example: ("ls -l notes", "lists the folder notes, a line for each file"),
        picture: "\
drwxr-xr-x  2 ana staff  4096 Nov 28 10:02 notes
│└┬┘└┬┘└┬┘    │   │      │    └ changed     └ name
│ │  │  │     │   │      └ bytes
│ │  │  │     │   └ its group
│ │  │  │     └ its owner
│ │  │  └ all others may: read, enter
│ │  └ the group may: read, enter
│ └ the owner may: read, write, enter
└ d: a folder, -: a file, l: a link",
    },
    Page {
        name: "cd",
        usage: "cd [FOLDER]",
        summary: "goes into a folder",
        text: "`cd ..` goes one up, `cd -` back to where you were, `cd` alone to your home.",
        example: ("cd notes/2026", "goes down two folders"),
        picture: "\
/                     cd /
├── home
│   └── ana           cd, cd ~
│       └── notes     you are here: cd .. leads to ana
│           └── 2026  cd 2026
└── tmp               cd /tmp",
    },
    Page {
        name: "mkdir",
        usage: "mkdir [-p] FOLDER...",
        summary: "makes folders",
        text: "-p makes the folders above too, and says nothing if it is there already.",
        example: ("mkdir -p notes/2026/november", "makes three folders, one in the other"),
        picture: "",
    },
    Page {
        name: "cp",
        usage: "cp [-r] FROM... TO",
        summary: "copies files",
        text: "Afterwards there are two. -r copies a folder with all that is in it. What\nwas at TO before is gone; -i asks first.",
        example: ("cp -r notes backup", "makes a second folder with the same files"),
        picture: "\
before       after
notes/a      notes/a
             backup/a",
    },
    Page {
        name: "mv",
        usage: "mv FROM... TO",
        summary: "moves files, or gives one another name",
        text: "Afterwards there is one. What was at TO before is gone; -i asks first.",
        example: ("mv draft.txt notes/final.txt", "moves it, under another name"),
        picture: "\
before       after
draft.txt
notes/       notes/final.txt",
    },
    Page {
        name: "rm",
        usage: "rm [-r] [-i] PATH...",
        summary: "removes files, for good",
        text: "There is no way back, and no bin. -r removes a folder with all that is in\nit; -i asks before each. `rm -r *` removes all that is here: look with `ls`\nfirst.",
        example: ("rm -i *.tmp", "asks for each file whose name ends with .tmp"),
        picture: "",
    },
    Page {
        name: "cat",
        usage: "cat [FILE...]",
        summary: "prints files, one after the other",
        text: "Without a file it prints what is typed, up to Ctrl-D. For long ones take\n`less`.",
        example: ("cat part1 part2 > whole", "puts two files together into a third"),
        picture: "\
part1: one ┐
           ├─ cat part1 part2 ─▶ one
part2: two ┘                     two",
    },
    Page {
        name: "grep",
        usage: "grep [-i] [-r] TEXT [FILE...]",
        summary: "prints the lines that have a text",
        text: "-i takes capitals and small letters for the same, -r looks through a folder.\nBehind a | it looks at what the command before prints.",
        example: ("ls -l | grep Nov", "shows what was changed in November"),
        picture: "\
ls ──all lines──▶ grep Nov ──lines with Nov──▶ terminal",
    },
    Page {
        name: "chmod",
        usage: "chmod [-R] MODE PATH...",
        summary: "says who may read, write and run a file",
        text: "MODE is words, as u+x (its owner may run it) or go-w (group and others may\nnot write it), or three digits for owner, group and others, each a sum. A\nkey or a ticket wants 600.",
        example: ("chmod 640 notes.txt", "you read and write it, your group reads it, others nothing"),
        picture: "\
  6     4     0
owner group others     4 read
 rw-   r--   ---       2 write
 4+2    4     0        1 run, or enter a folder",
    },
    Page {
        name: "sudo",
        usage: "sudo [-u USER] COMMAND...",
        summary: "runs a command as the administrator, or as somebody else",
        text: "It asks for your own password, if you may at all. As the administrator there\nis nothing that stops a mistake: only for what needs it.",
        example: ("sudo systemctl restart paso-exit", "restarts a service"),
        picture: "",
    },
    Page {
        name: "man",
        usage: "man COMMAND",
        summary: "shows the manual of a command",
        text: "Arrows and the space bar move, / looks for a text, q ends.",
        example: ("man paso", "says all about Paso"),
        picture: "",
    },
    Page {
        name: "ssh",
        usage: "ssh [-p PORT] [USER@]HOST [COMMAND...]",
        summary: "gives you a shell on another machine",
        text: "Where only UDP passes, let Paso carry it: the option below, or in\n~/.ssh/config.",
        example: ("ssh -o ProxyCommand='paso nc @%h' shed-ssh", "a shell by a published name"),
        picture: "ssh ─▶ paso nc ══UDP══▶ proxy2 ══UDP══▶ proxy1 ─▶ sshd",
    },
    Page {
        name: "kill",
        usage: "kill [-SIGNAL] PID...",
        summary: "asks a process to end",
        text: "SIGTERM, if nothing else is said: it ends in order. -9 ends it at once, with\nno time to tell anybody. `ps` lists the numbers.",
        example: ("kill 4711", "asks process 4711 to end"),
        picture: "",
    },
];

impl Page {
    /// The page of this command.
    pub fn named(word: &str) -> Option<&'static Self> {
        PAGES.iter().find(|page| page.name.eq_ignore_ascii_case(word))
    }

    /// The page as it is shown.
    pub fn page(&self) -> String {
        let Self { usage, summary, text, example: (example, does), picture, .. } = self;
        let mut shown = format!("{usage}\n  It {summary}.\n{}\n\n", indented(text));
        if !picture.is_empty() {
            shown.push_str(&format!("{}\n\n", indented(picture)));
        }
        shown.push_str(&format!("  Example: {example}\n    {does}\n"));
        shown
    }
}

/// The list of all.
pub fn list() -> String {
    let mut text = String::from("Commands of a shell, explained and not run here:\n");
    for page in &PAGES {
        text.push_str(&format!("  {:<7} {}\n", page.name, page.summary));
    }
    text.push_str("`help COMMAND` has the page of one.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::COMMANDS;

    #[test]
    fn each_has_a_page_that_fits_with_an_example() {
        for page in &PAGES {
            let text = page.page();
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(page.example.0.contains(page.name), "{text}");
            assert!(text.lines().all(paso::is_visible), "{text}");
            assert!(list().contains(&format!("\n  {} ", page.name)));
        }
    }

    #[test]
    fn what_the_course_names_is_there_and_no_name_means_two_things() {
        for name in ["ls", "cd", "mkdir", "cp", "rm", "sudo", "cat", "chmod"] {
            assert!(Page::named(name).is_some(), "{name}");
        }
        let both = PAGES.iter().find(|page| COMMANDS.iter().any(|command| command.name == page.name));
        assert!(both.is_none(), "{both:?}");
    }
}
