# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_paso_global_optspecs
    string join \n h/help V/version
end

function __fish_paso_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_paso_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_paso_using_subcommand
    set -l cmd (__fish_paso_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c paso -n "__fish_paso_needs_command" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_needs_command" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_needs_command" -f -a "in" -d 'Accepts TCP connections and carries them over UDP to a proxy2, which connects them to its target'
complete -c paso -n "__fish_paso_needs_command" -f -a "out" -d 'Takes TCP connections that come from proxy1s over UDP, and connects each to the target'
complete -c paso -n "__fish_paso_needs_command" -f -a "ticket" -d 'Makes, shows and revokes the tickets that let a proxy1 join, and says what they may do'
complete -c paso -n "__fish_paso_needs_command" -f -a "nc" -d 'Connects standard input and output to HOST:PORT as proxy2 sees it, or to a published name'
complete -c paso -n "__fish_paso_needs_command" -f -a "check" -d 'Says why a proxy1 does not reach its proxy2, or why the link is slow: asks each place of proxy2, then measures the path for some seconds'
complete -c paso -n "__fish_paso_needs_command" -f -a "find" -d 'Lists the names that are published and that this ticket may use'
complete -c paso -n "__fish_paso_needs_command" -f -a "echo" -d 'An echo server, and a client that loads it and checks every byte that returns'
complete -c paso -n "__fish_paso_needs_command" -f -a "status" -d 'Shows what running proxies carry'
complete -c paso -n "__fish_paso_needs_command" -f -a "top" -d 'Shows what running proxies carry, as it changes'
complete -c paso -n "__fish_paso_needs_command" -f -a "close" -d 'Resets a stream, or all streams of a link'
complete -c paso -n "__fish_paso_needs_command" -f -a "reload" -d 'Has tickets, names and the configuration file read again, as SIGHUP does'
complete -c paso -n "__fish_paso_needs_command" -f -a "drain" -d 'Has a proxy accept nothing new, and end when its last stream has ended'
complete -c paso -n "__fish_paso_needs_command" -f -a "restart" -d 'Starts a proxy2 again as it is installed now: the new process takes over, and streams go on in the old one until they end'
complete -c paso -n "__fish_paso_using_subcommand in" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c paso -n "__fish_paso_using_subcommand in" -l listen -d 'The same as the first word' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l at -d 'The same as HOST and PORT; up to 8 times, for a proxy2 that may be at several places' -r
complete -c paso -n "__fish_paso_using_subcommand in" -s L -l local -d 'Carry TCP clients that come here to HOST:PORT as proxy2 sees it, or to a /SOCKET of its machine or a published @NAME in its place. A PORT may be a range, 8000-8010; /udp at the end carries datagrams' -r
complete -c paso -n "__fish_paso_using_subcommand in" -s R -l remote -d 'Carry clients that come to proxy2\'s machine to HOST:PORT as seen from here; without HOST:PORT to where they ask, as -D does. /udp as for -L' -r
complete -c paso -n "__fish_paso_using_subcommand in" -s D -l dynamic -d 'Be a proxy for SOCKS5, SOCKS5h and HTTP at this port: proxy2 connects to what clients ask for' -r
complete -c paso -n "__fish_paso_using_subcommand in" -s W -l stdio -d 'Carry standard input and output, once' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l publish -d 'Offer HOST:PORT, as seen from here, under a name to all who may use it: with -L PORT:@NAME, `paso nc @NAME`' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l ticket -d 'The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l ticket-file -d 'A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input' -r -F
complete -c paso -n "__fish_paso_using_subcommand in" -l when-down -d 'While proxy2 does not answer let a client wait for so long and then reset it; \'refuse\' resets it at once, \'wait\' is 10s' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l idle -d 'Close a stream that carried nothing for so long, 1s or more [default: never; with --classic 5m]' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l tcp-keepalive -d 'Check a TCP connection without traffic after so long, 1s to 9h, and end it if nothing answers for one and a half times as long; \'off\' is never' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l memory -d 'Bytes that the data of all streams may take, 4MiB or more, with --classic 1MiB or more [default: 256MiB; with --classic 64MiB]' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l socket-buffer -d 'Size to ask for each UDP socket buffer; the system may grant less (root gets all of it for what arrives)' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand in" -l streams -d 'Streams that a link may have at a time, 1 or more' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l max-datagram -d 'Largest datagram to try, in bytes of UDP payload, 1200 to 65507; the path decides what is used' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l keepalive -d 'While streams are open and idle, proxy1 sends a packet so often that NATs on the way keep them, sooner where one forgets sooner; 0s is never' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l udp-idle -d 'End a flow of UDP datagrams that carried none for so long, 1s or more' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l payload -d 'Most data bytes in a datagram, 1 to 65505; 2 bytes of header come on top' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l linger -d 'After a FIN on this side, close when the other direction was silent for so long' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l queue -d 'Bytes that may wait for one TCP connection; what exceeds them is dropped' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l rate -d 'Send data no faster than this, like 500Mbit; \'auto\' is what fills a receive buffer as this machine grants it to anybody in 25 ms, at most 2.1Gbit; \'none\' is no limit' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l id-rest -d 'Let the id of a closed stream rest for so long before it is used again' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l metrics -d 'Show links and streams on a web page, and numbers for Prometheus at /metrics, at this port of HTTP; a bare PORT is on 127.0.0.1, *:PORT everywhere. Who reaches it sees the names of tickets and targets' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l control -d 'Answer `status`, `close`, `reload` and `drain` at this Unix socket [default: a file in $XDG_RUNTIME_DIR/paso, or else in the state folder]' -r -F
complete -c paso -n "__fish_paso_using_subcommand in" -l drain -d 'After SIGTERM accept nothing new, and let streams go on for so long before they are cut; 0s cuts them at once, as does a second signal' -r
complete -c paso -n "__fish_paso_using_subcommand in" -l config -d 'Read options from this file too, in TOML: each key is a long option, as in `ticket-file = "exit.ticket"`. SIGHUP reads it again' -r -F
complete -c paso -n "__fish_paso_using_subcommand in" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c paso -n "__fish_paso_using_subcommand in" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c paso -n "__fish_paso_using_subcommand in" -s N -d 'Accepted and ignored, as is -T: there is no remote command and no terminal here'
complete -c paso -n "__fish_paso_using_subcommand in" -s T -d 'As -N'
complete -c paso -n "__fish_paso_using_subcommand in" -l classic -d 'Speak the classic protocol: ten streams, no encryption, lost datagrams stay lost'
complete -c paso -n "__fish_paso_using_subcommand in" -l no-control -d 'Answer nobody'
complete -c paso -n "__fish_paso_using_subcommand in" -l print-config -d 'Print the options that are in force, as such a file, each with the place that says it, and end'
complete -c paso -n "__fish_paso_using_subcommand in" -l check -d 'Check the options, the names of hosts, and what files and tickets are named, and end: 0 all is well, 1 something cannot be had, 2 bad usage'
complete -c paso -n "__fish_paso_using_subcommand in" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c paso -n "__fish_paso_using_subcommand in" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand out" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c paso -n "__fish_paso_using_subcommand out" -l listen -d 'The same as the first word' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l target -d 'The same as HOST and PORT' -r
complete -c paso -n "__fish_paso_using_subcommand out" -s L -l local -d 'Carry TCP clients that come here to a name that somebody has published' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l publish -d 'Offer HOST:PORT, as seen from here, under a name to all who may use it' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l dial-timeout -d 'How long the target may take to accept a connection [default: 10s; with --classic 5s]' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l idle -d 'Close a stream that carried nothing for so long, 1s or more [default: never; with --classic 5m]' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l tcp-keepalive -d 'Check a TCP connection without traffic after so long, 1s to 9h, and end it if nothing answers for one and a half times as long; \'off\' is never' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l memory -d 'Bytes that the data of all streams may take, 4MiB or more, with --classic 1MiB or more [default: 256MiB; with --classic 64MiB]' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l socket-buffer -d 'Size to ask for each UDP socket buffer; the system may grant less (root gets all of it for what arrives)' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand out" -l streams -d 'Streams that a link may have at a time, 1 or more' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l max-datagram -d 'Largest datagram to try, in bytes of UDP payload, 1200 to 65507; the path decides what is used' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l keepalive -d 'While streams are open and idle, proxy1 sends a packet so often that NATs on the way keep them, sooner where one forgets sooner; 0s is never' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l udp-idle -d 'End a flow of UDP datagrams that carried none for so long, 1s or more' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l payload -d 'Most data bytes in a datagram, 1 to 65505; 2 bytes of header come on top' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l linger -d 'After a FIN on this side, close when the other direction was silent for so long' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l queue -d 'Bytes that may wait for one TCP connection; what exceeds them is dropped' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l rate -d 'Send data no faster than this, like 500Mbit; \'auto\' is what fills a receive buffer as this machine grants it to anybody in 25 ms, at most 2.1Gbit; \'none\' is no limit' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l also-port -d 'Take datagrams at these UDP ports too, up to 15: a network that stops one may let another pass, 443, 53 or 123' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l allow -d 'What the holders of tickets without rules of their own may do; may be given several times. `proxy2 ticket allow` gives a ticket its own, and its --help says what a rule is' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l links -d 'How many links there may be at a time, 1 or more' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l abandon -d 'Let a link go, and reset its targets, after so long a silence of its proxy1; 0s is never' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l handshakes -d 'How many handshakes a second may cost public-key work, 1 or more [default: what takes a quarter of one core of this machine, 50 to 2000]' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l early -d 'Bytes that are held for a stream whose target has not answered yet' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l peers -d 'How many proxy1s may have streams at a time, ten streams each' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l metrics -d 'Show links and streams on a web page, and numbers for Prometheus at /metrics, at this port of HTTP; a bare PORT is on 127.0.0.1, *:PORT everywhere. Who reaches it sees the names of tickets and targets' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l control -d 'Answer `status`, `close`, `reload` and `drain` at this Unix socket [default: a file in $XDG_RUNTIME_DIR/paso, or else in the state folder]' -r -F
complete -c paso -n "__fish_paso_using_subcommand out" -l drain -d 'After SIGTERM accept nothing new, and let streams go on for so long before they are cut; 0s cuts them at once, as does a second signal' -r
complete -c paso -n "__fish_paso_using_subcommand out" -l config -d 'Read options from this file too, in TOML: each key is a long option, as in `ticket-file = "exit.ticket"`. SIGHUP reads it again' -r -F
complete -c paso -n "__fish_paso_using_subcommand out" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c paso -n "__fish_paso_using_subcommand out" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c paso -n "__fish_paso_using_subcommand out" -l classic -d 'Speak the classic protocol: ten streams, no encryption, lost datagrams stay lost'
complete -c paso -n "__fish_paso_using_subcommand out" -l no-control -d 'Answer nobody'
complete -c paso -n "__fish_paso_using_subcommand out" -l take-over -d 'Take over the sockets of the proxy2 that runs at this address, if one does: its streams go on in it until they end, all that is new comes here. `paso restart` does the same for the program as it is installed'
complete -c paso -n "__fish_paso_using_subcommand out" -l print-config -d 'Print the options that are in force, as such a file, each with the place that says it, and end'
complete -c paso -n "__fish_paso_using_subcommand out" -l check -d 'Check the options, the names of hosts, and what files and tickets are named, and end: 0 all is well, 1 something cannot be had, 2 bad usage'
complete -c paso -n "__fish_paso_using_subcommand out" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c paso -n "__fish_paso_using_subcommand out" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "add" -d 'Make a ticket and print it, this once: proxy2 does not keep it. Waits until a running proxy2 has taken it'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "list" -d 'List all tickets: name, standing, fingerprint of the client\'s public key, when it was made; below, what it may do'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "show" -d 'Print what is known of a ticket; the ticket itself was printed only when it was made'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "allow" -d 'Let the holder of a ticket do more, and wait until a running proxy2 has taken it'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "deny" -d 'Take rules of a ticket away, and wait until a running proxy2 has reset what they had allowed'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "apply" -d 'Give tickets the rules that stand in a file, all or none of them, and wait until a running proxy2 has taken them'
complete -c paso -n "__fish_paso_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "revoke" -d 'Let nobody in with this ticket any more, and wait until a running proxy2 has ended its links'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from add" -l out -d 'Write the ticket to this new file, for you alone to read, instead of printing it (\'-\' prints it)' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from add" -l at -d 'Say in the ticket that proxy1 finds proxy2 on this host, at these UDP ports, 1 to 8 of them in the order in which they are to be tried; up to 8 times' -r
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from add" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from list" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from show" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from allow" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from allow" -l only -d 'Nothing else from now on: these rules take the place of the ticket\'s'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from allow" -l default -d 'Take the ticket\'s own rules away: its holder may do what proxy2 allows to all (`proxy2 --allow`)'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from allow" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from deny" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from deny" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from apply" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from revoke" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand ticket; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand nc" -l at -d 'Where proxy2 is; up to 8 times; not needed with a ticket that says it' -r
complete -c paso -n "__fish_paso_using_subcommand nc" -l ticket -d 'The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two' -r
complete -c paso -n "__fish_paso_using_subcommand nc" -l ticket-file -d 'A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input' -r -F
complete -c paso -n "__fish_paso_using_subcommand nc" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand nc" -l config -d 'Take this from the configuration file of `paso in`' -r -F
complete -c paso -n "__fish_paso_using_subcommand nc" -l link -d 'Which link of that file, where it has several' -r
complete -c paso -n "__fish_paso_using_subcommand nc" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c paso -n "__fish_paso_using_subcommand nc" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c paso -n "__fish_paso_using_subcommand nc" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c paso -n "__fish_paso_using_subcommand nc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c paso -n "__fish_paso_using_subcommand nc" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand check" -s W -l target -d 'Whether proxy2 reaches this, instead of its own target: HOST:PORT, @NAME or /SOCKET, as for `proxy1 -W`' -r
complete -c paso -n "__fish_paso_using_subcommand check" -l at -d 'Where proxy2 is; up to 8 times; not needed with a ticket that says it' -r
complete -c paso -n "__fish_paso_using_subcommand check" -l ticket -d 'The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two' -r
complete -c paso -n "__fish_paso_using_subcommand check" -l ticket-file -d 'A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input' -r -F
complete -c paso -n "__fish_paso_using_subcommand check" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand check" -l config -d 'Take this from the configuration file of `paso in`' -r -F
complete -c paso -n "__fish_paso_using_subcommand check" -l link -d 'Which link of that file, where it has several' -r
complete -c paso -n "__fish_paso_using_subcommand check" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c paso -n "__fish_paso_using_subcommand check" -l no-load -d 'Send nothing but thin probes: without it 1.2 MB go each way within 2 s'
complete -c paso -n "__fish_paso_using_subcommand check" -l nat -d 'Find out how soon a NAT on the way forgets an idle link: takes 82 s more'
complete -c paso -n "__fish_paso_using_subcommand check" -l json -d 'Print one JSON document at the end and nothing else'
complete -c paso -n "__fish_paso_using_subcommand check" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c paso -n "__fish_paso_using_subcommand check" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c paso -n "__fish_paso_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c paso -n "__fish_paso_using_subcommand check" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand find" -l at -d 'Where proxy2 is; up to 8 times; not needed with a ticket that says it' -r
complete -c paso -n "__fish_paso_using_subcommand find" -l ticket -d 'The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two' -r
complete -c paso -n "__fish_paso_using_subcommand find" -l ticket-file -d 'A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input' -r -F
complete -c paso -n "__fish_paso_using_subcommand find" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c paso -n "__fish_paso_using_subcommand find" -l config -d 'Take this from the configuration file of `paso in`' -r -F
complete -c paso -n "__fish_paso_using_subcommand find" -l link -d 'Which link of that file, where it has several' -r
complete -c paso -n "__fish_paso_using_subcommand find" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c paso -n "__fish_paso_using_subcommand find" -l json -d 'Print a JSON array, an object for each name'
complete -c paso -n "__fish_paso_using_subcommand find" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c paso -n "__fish_paso_using_subcommand find" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c paso -n "__fish_paso_using_subcommand find" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c paso -n "__fish_paso_using_subcommand find" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand echo; and not __fish_seen_subcommand_from serve client" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c paso -n "__fish_paso_using_subcommand echo; and not __fish_seen_subcommand_from serve client" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c paso -n "__fish_paso_using_subcommand echo; and not __fish_seen_subcommand_from serve client" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c paso -n "__fish_paso_using_subcommand echo; and not __fish_seen_subcommand_from serve client" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c paso -n "__fish_paso_using_subcommand echo; and not __fish_seen_subcommand_from serve client" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand echo; and not __fish_seen_subcommand_from serve client" -f -a "serve" -d 'Send every connection its own bytes back, until SIGINT or SIGTERM'
complete -c paso -n "__fish_paso_using_subcommand echo; and not __fish_seen_subcommand_from serve client" -f -a "client" -d 'Send random data over parallel connections and check what returns; exit code 0 if all is as sent, 1 if not'
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from serve" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from serve" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from serve" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l clients -d 'Parallel connections' -r
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l bytes -d 'Bytes each client sends' -r
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l chunk -d 'Bytes written at a time; round trips are those of a chunk' -r
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l think -d 'Pause between two chunks' -r
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l silence -d 'Give a client up when nothing returns for this long although something is due' -r
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l seed -d 'The data is a function of this number' -r
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l json -d 'Also write the report to this file, as JSON' -r -F
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l ping-pong -d 'Write a chunk only when the one before it has returned'
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -l half-close -d 'Close the sending direction right after the last byte, not only when everything has returned'
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c paso -n "__fish_paso_using_subcommand echo; and __fish_seen_subcommand_from client" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c paso -n "__fish_paso_using_subcommand status" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c paso -n "__fish_paso_using_subcommand status" -l pid -d 'The proxy with this process id' -r
complete -c paso -n "__fish_paso_using_subcommand status" -l json -d 'Print a JSON array, an object for each proxy (docs/control.md)'
complete -c paso -n "__fish_paso_using_subcommand status" -l links -d 'Only the links, not their streams'
complete -c paso -n "__fish_paso_using_subcommand status" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand status" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand top" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c paso -n "__fish_paso_using_subcommand top" -l pid -d 'The proxy with this process id' -r
complete -c paso -n "__fish_paso_using_subcommand top" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand top" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand close" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c paso -n "__fish_paso_using_subcommand close" -l pid -d 'The proxy with this process id' -r
complete -c paso -n "__fish_paso_using_subcommand close" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand close" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand reload" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c paso -n "__fish_paso_using_subcommand reload" -l pid -d 'The proxy with this process id' -r
complete -c paso -n "__fish_paso_using_subcommand reload" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand reload" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand drain" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c paso -n "__fish_paso_using_subcommand drain" -l pid -d 'The proxy with this process id' -r
complete -c paso -n "__fish_paso_using_subcommand drain" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand drain" -s V -l version -d 'Print version'
complete -c paso -n "__fish_paso_using_subcommand restart" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c paso -n "__fish_paso_using_subcommand restart" -l pid -d 'The proxy with this process id' -r
complete -c paso -n "__fish_paso_using_subcommand restart" -s h -l help -d 'Print help'
complete -c paso -n "__fish_paso_using_subcommand restart" -s V -l version -d 'Print version'
