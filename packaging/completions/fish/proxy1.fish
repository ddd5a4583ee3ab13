complete -c proxy1 -l listen -d 'The same as the first word' -r
complete -c proxy1 -l at -d 'The same as HOST and PORT; up to 8 times, for a proxy2 that may be at several places' -r
complete -c proxy1 -s L -l local -d 'Carry TCP clients that come here to HOST:PORT as proxy2 sees it, or to a /SOCKET of its machine or a published @NAME in its place. A PORT may be a range, 8000-8010; /udp at the end carries datagrams' -r
complete -c proxy1 -s R -l remote -d 'Carry clients that come to proxy2\'s machine to HOST:PORT as seen from here; without HOST:PORT to where they ask, as -D does. /udp as for -L' -r
complete -c proxy1 -s D -l dynamic -d 'Be a proxy for SOCKS5, SOCKS5h and HTTP at this port: proxy2 connects to what clients ask for' -r
complete -c proxy1 -s W -l stdio -d 'Carry standard input and output, once' -r
complete -c proxy1 -l publish -d 'Offer HOST:PORT, as seen from here, under a name to all who may use it: with -L PORT:@NAME, `paso nc @NAME`' -r
complete -c proxy1 -l ticket -d 'The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two' -r
complete -c proxy1 -l ticket-file -d 'A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input' -r -F
complete -c proxy1 -l when-down -d 'While proxy2 does not answer let a client wait for so long and then reset it; \'refuse\' resets it at once, \'wait\' is 10s' -r
complete -c proxy1 -l idle -d 'Close a stream that carried nothing for so long, 1s or more [default: never; with --classic 5m]' -r
complete -c proxy1 -l tcp-keepalive -d 'Check a TCP connection without traffic after so long, 1s to 9h, and end it if nothing answers for one and a half times as long; \'off\' is never' -r
complete -c proxy1 -l memory -d 'Bytes that the data of all streams may take, 4MiB or more, with --classic 1MiB or more [default: 256MiB; with --classic 64MiB]' -r
complete -c proxy1 -l socket-buffer -d 'Size to ask for each UDP socket buffer; the system may grant less (root gets all of it for what arrives)' -r
complete -c proxy1 -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy1 -l streams -d 'Streams that a link may have at a time, 1 or more' -r
complete -c proxy1 -l max-datagram -d 'Largest datagram to try, in bytes of UDP payload, 1200 to 65507; the path decides what is used' -r
complete -c proxy1 -l keepalive -d 'While streams are open and idle, proxy1 sends a packet so often that NATs on the way keep them, sooner where one forgets sooner; 0s is never' -r
complete -c proxy1 -l udp-idle -d 'End a flow of UDP datagrams that carried none for so long, 1s or more' -r
complete -c proxy1 -l payload -d 'Most data bytes in a datagram, 1 to 65505; 2 bytes of header come on top' -r
complete -c proxy1 -l linger -d 'After a FIN on this side, close when the other direction was silent for so long' -r
complete -c proxy1 -l queue -d 'Bytes that may wait for one TCP connection; what exceeds them is dropped' -r
complete -c proxy1 -l rate -d 'Send data no faster than this, like 500Mbit; \'auto\' is what fills a receive buffer as this machine grants it to anybody in 25 ms, at most 2.1Gbit; \'none\' is no limit' -r
complete -c proxy1 -l id-rest -d 'Let the id of a closed stream rest for so long before it is used again' -r
complete -c proxy1 -l config -d 'Read options from this file too, in TOML: each key is a long option, as in `ticket-file = "exit.ticket"`. SIGHUP reads it again' -r -F
complete -c proxy1 -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -s N -d 'Accepted and ignored, as is -T: there is no remote command and no terminal here'
complete -c proxy1 -s T -d 'As -N'
complete -c proxy1 -l classic -d 'Speak the classic protocol: ten streams, no encryption, lost datagrams stay lost'
complete -c proxy1 -l print-config -d 'Print the options that are in force, as such a file, each with the place that says it, and end'
complete -c proxy1 -l check -d 'Check the options, the names of hosts, and what files and tickets are named, and end: 0 all is well, 1 something cannot be had, 2 bad usage'
complete -c proxy1 -s h -l help -d 'Print help'
complete -c proxy1 -s V -l version -d 'Print version'
