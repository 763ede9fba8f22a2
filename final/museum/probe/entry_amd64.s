#include "textflag.h"

// func oldEntry() int64
TEXT ·oldEntry(SB), NOSPLIT, $0-8
	MOVL $20, AX // getpid(2) has the number 20 there
	INT  $0x80
	MOVQ AX, ret+0(FP)
	RET
