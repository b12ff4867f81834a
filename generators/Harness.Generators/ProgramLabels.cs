using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators;

/// <summary>
/// What a program contains, as labels: the coverage that a campaign counts and requires. Static: whether a labelled
/// place is reached depends on the run.
/// </summary>
public static class ProgramLabels
{
    /// <summary>The program's labels, each once.</summary>
    public static IReadOnlySet<string> Of(FiberProgram program)
    {
        var labels = new SortedSet<string>(StringComparer.Ordinal) { $"fibers:{program.Fibers.Count}" };
        if (program.Fibers.Any(fiber => !fiber.StartsAtLaunch))
        {
            labels.Add("fibers:spawned later");
        }

        if (program.Fibers.Max(fiber => fiber.Fuel) >= 1_000)
        {
            labels.Add("recursion:deep");
        }

        foreach (var function in program.Functions)
        {
            Signature(function, labels);
            new BodyLabels(program, function, labels).Body(function.Body, BodyLabels.Place.Start);
        }

        return labels;
    }

    private static void Signature(Function function, SortedSet<string> labels)
    {
        labels.Add($"parameters:{function.Parameters.Count}");
        labels.Add($"function:{Lower(function.Kind)}");
        labels.Add(function.NoInline ? "function:noinline" : "function:inlinable");
        labels.Add($"errors:{Lower(function.Errors.GetType().Name)}");
        labels.Add($"payload:{Family(function.Payload)}");
        labels.UnionWith(function.Parameters.Select(type => $"parameter:{Family(type)}"));
    }

    /// <summary>The family of a type, as labels name it.</summary>
    internal static string Family(ZigType type) =>
        type switch
        {
            ZigType.Int { Bits: 8 or 16 or 32 or 64 } => "word",
            ZigType.Int { Bits: < 64 } => "odd int",
            ZigType.Int { Bits: <= 128 } => "int to 128",
            ZigType.Int => "int to 256",
            ZigType.Float f => $"f{f.Bits}",
            ZigType.Vector v =>
                $"vector {v.Lanes * (v.Element is ZigType.Int i ? i.Bits : ((ZigType.Float)v.Element).Bits)}",
            ZigType.Struct { Align: > 0 } s => $"align {s.Align}",
            ZigType.Struct { Layout: StructLayout.Auto } s => s.Fields.Count > 3 ? "large struct" : "small struct",
            ZigType.Struct s => $"{Lower(s.Layout)} struct",
            _ => Lower(type.GetType().Name),
        };

    internal static string Lower(object name) => name.ToString()!.ToLowerInvariant();
}
