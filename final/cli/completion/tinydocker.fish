# Completion of tinydocker for fish: tinydocker completion fish | source
function __tinydocker_complete
	set -l words (commandline -opc)
	$words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c tinydocker -a '(__tinydocker_complete)'
