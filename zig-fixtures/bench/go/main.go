// Go's stacks, which grow by copying, under the same recursions as unit.zig. Usage: MEASURE COUNT.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	deepBytes    = 3000
	shallowBytes = 256
	turns        = 8 // as in kit.zig
)

//go:noinline
func deep(levels uint64) uint64 {
	var room [deepBytes]byte
	room[levels%deepBytes] = byte(levels)
	if levels == 0 {
		return uint64(room[0])
	}
	below := deep(levels - 1)
	return below + uint64(room[levels%deepBytes])
}

//go:noinline
func shallow(levels uint64) uint64 {
	var room [shallowBytes]byte
	room[levels%shallowBytes] = byte(levels)
	if levels <= 1 {
		return uint64(room[levels])
	}
	below := shallow(levels - 1)
	return below + uint64(room[levels%shallowBytes])
}

var sink uint64

func report(name string, value float64) { fmt.Printf("%s %.4f\n", name, value) }

func fail(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}

// Nanoseconds of CPU that this process has used: what others do on the machine meanwhile is not in it.
func now() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail("getrusage fails")
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

// Nanoseconds per level.
func timed(levels uint64) float64 {
	began := now()
	sink = deep(levels)
	return (now() - began) / float64(levels)
}

func onGoroutine(f func()) {
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		f()
	}()
	done.Wait()
}

func measureDeep(levels uint64) {
	onGoroutine(func() {
		report("deep.first", timed(levels))
		warm := timed(levels)
		for turn := 1; turn < turns; turn++ {
			warm = math.Min(warm, timed(levels))
		}
		report("deep.warm", warm)
	})
	onGoroutine(func() { report("deep.again", timed(levels)) })
}

// Kilobytes of /proc/self/status, in bytes.
func status(name string) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fail("/proc/self/status cannot be read")
	}
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
			value, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				fail("/proc/self/status: " + name + " is no number")
			}
			return value * 1024
		}
	}
	fail("/proc/self/status has no " + name)
	return 0
}

func measureIdle(count int) {
	residentBefore, tablesBefore := status("VmRSS:"), status("VmPTE:")
	began := now()
	forever := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			shallow(40)
			waiting.Done()
			<-forever
		}()
	}
	waiting.Wait()
	took := now() - began
	n := float64(count)
	report("idle.bytes", (status("VmRSS:")-residentBefore)/n)
	report("idle.table_bytes", (status("VmPTE:")-tablesBefore)/n)
	report("idle.ns", took/n)
	// Its collector halves the stacks of goroutines that use a quarter of them or less: three rounds of it, and what is free given back.
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
	report("idle.collected_bytes", (status("VmRSS:")-residentBefore)/n)
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: MEASURE COUNT")
	}
	count, err := strconv.ParseUint(os.Args[2], 10, 40)
	if err != nil {
		fail(os.Args[2] + " is not a count")
	}
	// Collections in between would be measured too.
	debug.SetGCPercent(-1)
	switch os.Args[1] {
	case "deep":
		measureDeep(count)
	case "idle":
		measureIdle(int(count))
	default:
		fail("there is no measure " + os.Args[1] + " here")
	}
}
