/* entered is 1 in a process that has joined a container, and 0 in any other. */
extern int entered;
