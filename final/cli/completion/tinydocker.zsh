#compdef tinydocker
# Completion of tinydocker for zsh: source <(tinydocker completion zsh)
_tinydocker() {
	local -a candidates
	candidates=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n $candidates ]]; then
		compadd -- $candidates
	else
		_files
	fi
}
compdef _tinydocker tinydocker
