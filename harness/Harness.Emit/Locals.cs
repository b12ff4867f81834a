using System.Diagnostics;
using Harness.Model;

namespace Harness.Emit;

/// <summary>
/// The locals and parameters of one function: their names, and how each is read, passed and written. It remembers what
/// it was asked for, because declarations depend on later uses: a body is written twice, the first time to learn.
/// </summary>
internal sealed class Locals
{
    private readonly Dictionary<int, (string Name, Sort Sort)> _locals = [];
    private readonly HashSet<int> _mentioned = [];
    private readonly HashSet<int> _addressed = [];

    public Locals(FiberProgram program, Function function)
    {
        for (var i = 0; i < function.Parameters.Count; i++)
        {
            Add(i, SortOf(function.Parameters[i]));
        }

        foreach (var statement in StatementTree.All(function.Body))
        {
            switch (statement)
            {
                case Statement.Let let:
                    Add(let.Local, SortOf(let.Type));
                    break;
                case Statement.Cell cell:
                    Add(cell.Local, Sort.Cell);
                    break;
                case Statement.Buffer buffer:
                    Add(buffer.Local, Sort.Buffer);
                    break;
                case Statement.Loop loop:
                    Add(loop.Local, Sort.Index);
                    break;
                case Statement.Acquire acquire:
                    Add(acquire.Local, Sort.Handle);
                    break;
                case Statement.Lock taken:
                    Add(taken.Local, Sort.Handle);
                    break;
                case Statement.Call { Result: >= 0 } call:
                    Add(call.Result, SortOf(program.Functions[call.Function].Payload));
                    break;
            }
        }
    }

    private enum Sort
    {
        Value,
        Words,
        Handle,
        Pointer,
        Cell,
        Buffer,
        Index,
    }

    /// <summary>The name, for a declaration.</summary>
    public string Name(int local) => _locals[local].Name;

    /// <summary>Zig refuses a local that nothing mentions.</summary>
    public bool IsMentioned(int local) => _mentioned.Contains(local);

    /// <summary>Zig refuses a <c>var</c> that nothing can change.</summary>
    public bool IsAddressed(int local) => _addressed.Contains(local);

    /// <summary>The local's value; what a pointer points at.</summary>
    public string Read(int local)
    {
        _mentioned.Add(local);
        var (name, sort) = _locals[local];
        return sort is Sort.Pointer ? $"{name}.*" : name;
    }

    /// <summary>What is assigned to.</summary>
    public string Target(int local)
    {
        _addressed.Add(local);
        return Read(local);
    }

    /// <summary>What a call passes: the address of a cell, a slice of a buffer, any other as it is.</summary>
    public string Passed(int local)
    {
        _mentioned.Add(local);
        _addressed.Add(local);
        var (name, sort) = _locals[local];
        return sort switch
        {
            Sort.Cell => $"&{name}",
            Sort.Buffer => $"{name}[0..{ProgramLimits.SlicedWords}]",
            _ => name,
        };
    }

    private static Sort SortOf(ZigType type) => type switch
    {
        ZigType.Slice => Sort.Words,
        ZigType.Handle => Sort.Handle,
        ZigType.CellPointer => Sort.Pointer,
        _ => Sort.Value,
    };

    // No name may be a primitive type's (i3, u8, f16).
    private void Add(int local, Sort sort) => _locals.Add(local, (sort switch
    {
        Sort.Value => $"v{local}",
        Sort.Words => $"words_{local}",
        Sort.Handle => $"h{local}",
        Sort.Pointer => $"p{local}",
        Sort.Cell => $"cell_{local}",
        Sort.Buffer => $"buffer_{local}",
        Sort.Index => $"index_{local}",
        _ => throw new UnreachableException(),
    }, sort));
}
