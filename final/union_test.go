package main

import (
	"testing"

	"mytinydocker/internal/testbed"
)

// Where the kernel has both, everything else is tested on overlay. These are the
// tests that have to do with layers.
func TestOnAUFS(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.AUFS)
	t.Setenv(driverVariable, "aufs")
	for name, test := range map[string]func(*testing.T){
		"root":                TestRootIsTheImagesAndNothingElseIsMounted,
		"flags of mounts":     TestMountsHaveTheirFlags,
		"copy on write":       TestContainersDoNotChangeTheImage,
		"one layer for all":   TestLayerIsUnpackedOnceForAll,
		"half a layer":        TestHalfALayerIsRemovedByTheNextCommand,
		"start again":         TestStoppedContainerStartsAgainWithWhatItHad,
		"diff":                TestDiffListsChanges,
		"commit":              TestCommittedIsTheSame,
		"commit with mounts":  TestCommitHasNothingOfMounts,
		"export and import":   TestExportedIsImported,
		"images in use":       TestImagesInUseStay,
		"copies":              TestFilesAreCopiedBothWays,
		"copies of archives":  TestArchivesAreCopied,
		"copies stay inside":  TestCopyDoesNotFollowLinksOutOfTheContainer,
		"volumes":             TestVolumesOutliveContainers,
		"volumes of an image": TestVolumesBeginWithTheImage,
		"folders of the host": TestFoldersAndFilesOfTheHost,
		"mount points":        TestMountPlacesStayInTheContainer,
		"room":                TestRoomIsMeasured,
		"killed at a moment":  TestToolKilledAtAnyMoment,
		"what is explained":   TestExplainNamesEveryStepInItsOrder,
		"what is typed":       TestExplainedStepsDoTheSame,
		"information":         TestInfoCounts,
	} {
		t.Run(name, test)
	}
}
