namespace Harness.Binary.Unwind.Audit;

/// <summary>What unwinders and debuggers conclude from the place and the name of code that nothing called.</summary>
internal static class NameAudit
{
    private const string Stub = "__morestack";

    /// <summary>Code that is entered by a <c>ret</c>, so that unwinders look for the byte before it.</summary>
    private static readonly string[] _synthetic = ["hs_fiber_start"];

    public static IEnumerable<UnwindFinding> Run(UnwindTable table, CodeImage image, SymbolNames names) =>
        StubNames(image, names).Concat(_synthetic.SelectMany(name => names.AllOf(name).Distinct()).SelectMany(address => Synthetic(table, names, address)));

    /// <summary>gdb accepts a caller below its callee where the symbol at the return address is <c>__morestack</c>: no other may come between.</summary>
    private static IEnumerable<UnwindFinding> StubNames(CodeImage image, SymbolNames names)
    {
        foreach (var stub in names.AllOf(Stub).Distinct())
        {
            if (image.StartingAt(stub) is not { } function)
            {
                yield return new UnwindFinding(FindingKind.StubName, Stub, stub, 0, "", $"an FDE that begins with {Stub}", "none");
                continue;
            }

            foreach (var symbol in names.Symbols.Where(s => s.Value > stub && s.Value < function.Entry.End))
            {
                yield return new UnwindFinding(
                    FindingKind.StubName, Stub, symbol.Value, (long)(symbol.Value - stub), "", $"no symbol but {Stub} in the stub", symbol.Name);
            }
        }

        foreach (var entry in names.AllOf("hs_morestack_thunk").Where(_ => !names.AllOf(Stub).Any()))
        {
            yield return new UnwindFinding(FindingKind.StubName, "hs_morestack_thunk", entry, 0, "", $"a stub that is called {Stub}", "none");
        }
    }

    private static IEnumerable<UnwindFinding> Synthetic(UnwindTable table, SymbolNames names, ulong address)
    {
        var (own, before) = (table.Find(address), table.Find(address - 1));
        if (own is null || !ReferenceEquals(own, before))
        {
            yield return new UnwindFinding(
                FindingKind.SyntheticReturn, names.At(address), address, 0, "", "the byte before it in the same FDE",
                before is null ? "it is in none" : $"it is in the one of {names.At(before.Start)}");
        }
        else if (table.Rows(own) is var rows && rows.At(address)?.ToString() != rows.At(address - 1)?.ToString())
        {
            yield return new UnwindFinding(
                FindingKind.SyntheticReturn, names.At(address), address, 0, "", "the row of the byte before it", $"{rows.At(address)}");
        }
    }
}
