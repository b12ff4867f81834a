namespace Harness.Binary;

/// <summary>One row of a line table. File −1: none. Line 0: code that belongs to no line.</summary>
public readonly record struct LineRow(ulong Address, int File, int Line, int Column);

/// <summary>
/// Runs the line programs of <c>.debug_line</c> (DWARF 2 to 5) and collects their sequences: contiguous rows, in order
/// of address, that end where the last byte ends.
/// </summary>
internal sealed class LineProgram
{
    private readonly LineHeaderReader _headers;
    private readonly ElfFile _file;
    private int _rows;

    public LineProgram(ElfFile file)
    {
        _file = file;
        _headers = new LineHeaderReader(file);
    }

    public List<string> Files => _headers.Files;

    /// <summary>By offset in the section, as DW_AT_stmt_list names them.</summary>
    public Dictionary<ulong, LineHeader> Headers { get; } = [];

    public List<LineSequence> Sequences { get; } = [];

    public void Run(ElfSection section)
    {
        var cursor = new Cursor(_file.Data(section), _file.Name, section.Name);
        while (!cursor.AtEnd)
        {
            // The self-hosted linker leaves holes between units, as runs of zero bytes.
            if (cursor.Left < 4)
            {
                return;
            }

            var start = (ulong)cursor.Position;
            var (length, wide) = cursor.InitialLength();
            if (length > 0)
            {
                var unit = cursor.Sub(length);
                var header = _headers.Read(ref unit, wide);
                Headers[start] = header;
                Run(header, ref unit);
            }
        }
    }

    /// <summary>The registers of the line-number state machine.</summary>
    private struct State(LineHeader header)
    {
        private readonly LineHeader _header = header;

        public ulong Address { get; set; }

        public ulong OperationIndex { get; set; }

        public ulong File { get; set; } = 1;

        public long Line { get; set; } = 1;

        public ulong Column { get; set; }

        public readonly LineRow Row() => new(
            Address, _header.FileIndex(File), Line is >= 0 and <= int.MaxValue ? (int)Line : 0,
            (int)Math.Min(Column, int.MaxValue));

        public void Advance(ulong operations)
        {
            if (_header.MaxOperations <= 1)
            {
                Address = unchecked(Address + (operations * _header.MinInstructionBytes));
                return;
            }

            var index = unchecked(OperationIndex + operations);
            Address = unchecked(Address + (index / _header.MaxOperations * _header.MinInstructionBytes));
            OperationIndex = index % _header.MaxOperations;
        }
    }

    private void Run(LineHeader header, ref Cursor cursor)
    {
        var state = new State(header);
        var rows = new List<LineRow>();
        while (!cursor.AtEnd)
        {
            var opcode = cursor.U8();
            if (opcode >= header.OpcodeBase)
            {
                var adjusted = opcode - header.OpcodeBase;
                state.Advance((ulong)(adjusted / header.LineRange));
                state.Line += header.LineBase + (adjusted % header.LineRange);
                Emit(rows, state, ref cursor);
            }
            else if (opcode == 0)
            {
                Extended(header, ref state, rows, ref cursor);
            }
            else
            {
                Standard(opcode, header, ref state, rows, ref cursor);
            }
        }
    }

    private void Standard(byte opcode, LineHeader header, ref State state, List<LineRow> rows, ref Cursor cursor)
    {
        switch (opcode)
        {
            case 1: // DW_LNS_copy
                Emit(rows, state, ref cursor);
                break;
            case 2: // DW_LNS_advance_pc
                state.Advance(cursor.Uleb());
                break;
            case 3: // DW_LNS_advance_line
                state.Line = unchecked(state.Line + cursor.Sleb());
                break;
            case 4: // DW_LNS_set_file
                state.File = cursor.Uleb();
                break;
            case 5: // DW_LNS_set_column
                state.Column = cursor.Uleb();
                break;
            case 6 or 7 or 10 or 11: // negate_stmt, set_basic_block, set_prologue_end, set_epilogue_begin
                break;
            case 8: // DW_LNS_const_add_pc
                state.Advance((ulong)((255 - header.OpcodeBase) / header.LineRange));
                break;
            case 9: // DW_LNS_fixed_advance_pc
                state.Address = unchecked(state.Address + cursor.U16());
                state.OperationIndex = 0;
                break;
            default:
                for (var i = 0; i < header.OperandCount(opcode); i++)
                {
                    cursor.Uleb();
                }

                break;
        }
    }

    private void Extended(LineHeader header, ref State state, List<LineRow> rows, ref Cursor cursor)
    {
        var operation = cursor.Sub(cursor.Uleb());
        if (operation.AtEnd)
        {
            return;
        }

        switch (operation.U8())
        {
            case 1: // DW_LNE_end_sequence
                if (rows.Count > 0 && state.Address > rows[0].Address)
                {
                    Sequences.Add(new LineSequence(rows.ToArray(), state.Address));
                }

                rows.Clear();
                state = new State(header);
                break;
            case 2: // DW_LNE_set_address
                state.Address = operation.Unsigned(operation.Left);
                state.OperationIndex = 0;
                break;
            default: // discriminators and what vendors add
                break;
        }
    }

    private void Emit(List<LineRow> rows, in State state, ref Cursor cursor)
    {
        if (++_rows > _file.Limits.MaxLineRows)
        {
            throw cursor.Bad($"has more than {_file.Limits.MaxLineRows} rows");
        }

        var row = state.Row();
        if (rows.Count == 0 || row.Address >= rows[^1].Address)
        {
            rows.Add(row);
        }
        else
        {
            throw cursor.Bad($"goes back from address {rows[^1].Address:x} to {row.Address:x} within a sequence");
        }
    }
}

/// <summary>Rows of contiguous code, sorted by address (several may share one), up to <paramref name="End"/>.</summary>
internal sealed record LineSequence(LineRow[] Rows, ulong End)
{
    public ulong Start => Rows[0].Address;
}
