namespace Harness.Toolchain;

/// <summary>How a part of the runtime is compiled; what a person would type is the same.</summary>
internal static class RuntimeCommand
{
    /// <summary>Arguments of Zig.</summary>
    /// <param name="source">The part's own source, changed by a planted defect or not.</param>
    /// <param name="pathOf">Of other sources, from a path relative to the fixtures.</param>
    public static List<string> Arguments(RuntimePart part, string target, string source, Func<string, string> pathOf, string output)
    {
        if (part.IsAssembly)
        {
            return ["clang", "-c", "-target", target, .. part.Flags, source, "-o", output];
        }

        if (part.IsForeign)
        {
            // C++ without its library: headers only, what is needed at run time is a part of its own.
            string[] libraries = part.Source.EndsWith(".cpp", StringComparison.Ordinal) ? ["-lc", "-lc++"] : ["-lc"];
            return
            [
                "build-obj", "-target", target, "-O", part.Mode.ToString(), "-fstrip", .. libraries,
                "-cflags", .. part.Flags, "--", source, "-femit-bin=" + output,
            ];
        }

        // Options of a module come before it on the command line, and are its alone. Any module may import any other.
        List<string> arguments = ["build-obj", "-fllvm"];
        foreach (var (name, module) in part.Modules.Prepend(("root", part.Source)))
        {
            arguments.AddRange(["-target", target, "-O", part.Mode.ToString(), "-fstrip", "-fno-omit-frame-pointer"]);
            arguments.AddRange(part.Flags);
            foreach (var (other, _) in part.Modules.Where(other => other.Name != name))
            {
                arguments.AddRange(["--dep", other]);
            }

            arguments.Add($"-M{name}={(name == "root" ? source : pathOf(module))}");
        }

        arguments.Add("-femit-bin=" + output);
        return arguments;
    }

    /// <summary>Links a unit's object with the runtime's.</summary>
    public static List<string> Link(string target, string unit, IEnumerable<string> runtime, IEnumerable<string> libraries, string output) =>
    [
        "build-exe", "-target", target, unit, .. runtime, .. target is Model.Cell.LinuxBare ? (string[])[] : ["-lc"], .. libraries,
        .. target is Model.Cell.LinuxGnu ? (string[])[] : ["-static"], "--eh-frame-hdr", "-fno-ubsan-rt", "-fcompiler-rt", "-femit-bin=" + output,
    ];
}
