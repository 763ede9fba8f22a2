# Completion of tinydocker for bash: source <(tinydocker completion bash)
_tinydocker() {
	local word
	COMPREPLY=()
	# bash takes : and = for the ends of words; we do not.
	local words=("${COMP_WORDS[@]:1:COMP_CWORD}") joined=() glue=
	for word in "${words[@]}"; do
		case $word in
		: | =) if ((${#joined[@]})); then joined[-1]+=$word; fi; glue=1; continue ;;
		esac
		if [[ $glue ]] && ((${#joined[@]})); then joined[-1]+=$word; else joined+=("$word"); fi
		glue=
	done
	local typed=${joined[-1]-} start
	start=${typed%"${COMP_WORDS[COMP_CWORD]}"}
	case ${COMP_WORDS[COMP_CWORD]} in : | =) start=$typed ;; esac
	while IFS= read -r word; do
		COMPREPLY+=("${word#"$start"}")
	done < <("${COMP_WORDS[0]}" __complete "${joined[@]}" 2>/dev/null)
	if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _tinydocker tinydocker
