namespace Harness.Binary.Unwind;

/// <summary>
/// Runs the DW_CFA programs of a CIE and an FDE and collects the rows. A CIE's program is run once, whoever refers to it, so that all work is in proportion
/// to the bytes of the section.
/// </summary>
internal sealed class RowProgram(ElfFile file, UnwindLimits limits)
{
    private readonly Dictionary<CommonEntry, (State State, UnwindProblem? Problem)> _initial = new(ReferenceEqualityComparer.Instance);

    /// <summary>What a location's rules are; a value, so remembering is copying.</summary>
    private readonly record struct State(CfaRule Cfa, RegisterRules Registers);

    public UnwindRows Run(FrameEntry entry)
    {
        var run = new Execution(file, limits, entry.Section, entry.Common, entry.Start, entry.End);
        try
        {
            run.State = Initial(entry);
            run.Initial = run.State;
            run.Execute(entry.Program);
            run.Finish();
            return new UnwindRows(run.Rows, null);
        }
        catch (UnwindException e)
        {
            return new UnwindRows(run.Rows, e.Problem);
        }
        catch (InvalidDataException e)
        {
            return new UnwindRows(run.Rows, new UnwindProblem(UnwindFault.Truncated, entry.Offset, e.Message));
        }
    }

    private State Initial(FrameEntry entry)
    {
        if (!_initial.TryGetValue(entry.Common, out var known))
        {
            _initial[entry.Common] = known = RunCommon(entry);
        }

        return known.Problem is { } problem ? throw new UnwindException(problem.Fault, problem.Place, problem.Detail) : known.State;
    }

    private (State State, UnwindProblem? Problem) RunCommon(FrameEntry entry)
    {
        var nothing = new State(CfaRule.None, RegisterRules.Unspecified);
        var run = new Execution(file, limits, entry.Section, entry.Common, 0, 0) { State = nothing, Initial = nothing };
        try
        {
            run.Execute(entry.Common.Program);
            return (run.State, null);
        }
        catch (UnwindException e)
        {
            return (run.State, e.Problem);
        }
        catch (InvalidDataException e)
        {
            return (run.State, new UnwindProblem(UnwindFault.Truncated, entry.Common.Offset, e.Message));
        }
    }

    private sealed class Execution(ElfFile file, UnwindLimits limits, ElfSection section, CommonEntry common, ulong start, ulong end)
    {
        private readonly Stack<State> _remembered = new();
        private ulong _location = start;
        private int _programOffset;

        public List<UnwindRow> Rows { get; } = [];

        public State State { get; set; }

        /// <summary>What DW_CFA_restore goes back to.</summary>
        public State Initial { get; set; }

        public void Execute(ByteRange program)
        {
            _programOffset = program.Offset;
            var cursor = new Cursor(file.Data(section).Slice(program.Offset, program.Length), file.Name, section.Name);
            while (!cursor.AtEnd)
            {
                var place = (ulong)(program.Offset + cursor.Position);
                var opcode = cursor.U8();
                var low = opcode & 0x3f;
                switch (opcode & 0xc0)
                {
                    case 0x40: // DW_CFA_advance_loc
                        Advance((ulong)low, place);
                        break;
                    case 0x80: // DW_CFA_offset
                        Set(low, RuleKind.Offset, Scaled(cursor.Uleb()), place);
                        break;
                    case 0xc0: // DW_CFA_restore
                        Restore((ulong)low, place);
                        break;
                    default:
                        if (!Moves(low, ref cursor, place) && !SetsCfa(low, ref cursor, place) && !SetsRegister(low, ref cursor, place))
                        {
                            throw new UnwindException(UnwindFault.UnknownOpcode, place, $"call frame instruction {opcode:x2}");
                        }

                        break;
                }
            }
        }

        /// <summary>The last row, to the end of the FDE.</summary>
        public void Finish() => Row(end, section.Address);

        private bool Moves(int opcode, ref Cursor cursor, ulong place)
        {
            switch (opcode)
            {
                case 0x00: // DW_CFA_nop
                    return true;
                case 0x01: // DW_CFA_set_loc
                    var bases = new PointerEncoding.Bases(section.Address + (ulong)_programOffset, 0, 0, 0);
                    MoveTo(common.Addresses.Read(ref cursor, bases, file.LoadWord), place);
                    return true;
                case 0x02: // DW_CFA_advance_loc1
                    Advance(cursor.U8(), place);
                    return true;
                case 0x03: // DW_CFA_advance_loc2
                    Advance(cursor.U16(), place);
                    return true;
                case 0x04: // DW_CFA_advance_loc4
                    Advance(cursor.U32(), place);
                    return true;
                case 0x0a: // DW_CFA_remember_state
                    if (_remembered.Count == limits.MaxStates)
                    {
                        throw new UnwindException(UnwindFault.TooManyStates, place, $"more than {limits.MaxStates} states are remembered");
                    }

                    _remembered.Push(State);
                    return true;
                case 0x0b: // DW_CFA_restore_state
                    State = _remembered.TryPop(out var state)
                        ? limits.Planted is EngineDefect.RestoreKeepsCfa ? state with { Cfa = State.Cfa } : state
                        : throw new UnwindException(UnwindFault.RestoreWithoutRemember, place, "a state is restored that was not remembered");
                    return true;
                case 0x2e: // DW_CFA_GNU_args_size
                    cursor.Uleb();
                    return true;
                default:
                    return false;
            }
        }

        private bool SetsCfa(int opcode, ref Cursor cursor, ulong place)
        {
            switch (opcode)
            {
                case 0x0c: // DW_CFA_def_cfa
                    var named = Register(cursor.Uleb(), place);
                    var register = limits.Planted is EngineDefect.CfaRegisterKept && State.Cfa.Register >= 0 ? State.Cfa.Register : named;
                    State = State with { Cfa = new CfaRule(register, unchecked((long)cursor.Uleb())) };
                    return true;
                case 0x0d: // DW_CFA_def_cfa_register
                    State = State with { Cfa = new CfaRule(Register(cursor.Uleb(), place), Plain(place).Value) };
                    return true;
                case 0x0e: // DW_CFA_def_cfa_offset
                    State = State with { Cfa = Plain(place) with { Value = unchecked((long)cursor.Uleb()) } };
                    return true;
                case 0x0f: // DW_CFA_def_cfa_expression
                    var code = Block(ref cursor);
                    State = State with { Cfa = new CfaRule(-1, code.Offset, code.Length) };
                    return true;
                case 0x12: // DW_CFA_def_cfa_sf
                    State = State with { Cfa = new CfaRule(Register(cursor.Uleb(), place), Scaled(cursor.Sleb())) };
                    return true;
                case 0x13: // DW_CFA_def_cfa_offset_sf
                    State = State with { Cfa = Plain(place) with { Value = limits.Planted is EngineDefect.OffsetUnfactored ? cursor.Sleb() : Scaled(cursor.Sleb()) } };
                    return true;
                default:
                    return false;
            }
        }

        private bool SetsRegister(int opcode, ref Cursor cursor, ulong place)
        {
            if (opcode is not ((>= 0x05 and <= 0x09) or 0x10 or 0x11 or 0x14 or 0x15 or 0x16 or 0x2f))
            {
                return false;
            }

            var register = cursor.Uleb();
            if (opcode == 0x06) // DW_CFA_restore_extended
            {
                Restore(register, place);
                return true;
            }

            var number = (int)Math.Min(register, int.MaxValue);
            var (kind, value, length) = opcode switch
            {
                0x05 => (RuleKind.Offset, Scaled(cursor.Uleb()), 0), // DW_CFA_offset_extended
                0x07 => (RuleKind.Undefined, 0L, 0), // DW_CFA_undefined
                0x08 => (RuleKind.SameValue, 0L, 0), // DW_CFA_same_value
                0x09 => (RuleKind.Register, Register(cursor.Uleb(), place), 0), // DW_CFA_register
                0x11 => (RuleKind.Offset, Scaled(cursor.Sleb()), 0), // DW_CFA_offset_extended_sf
                0x14 => (RuleKind.ValueOffset, Scaled(cursor.Uleb()), 0), // DW_CFA_val_offset
                0x15 => (RuleKind.ValueOffset, Scaled(cursor.Sleb()), 0), // DW_CFA_val_offset_sf
                0x2f => (RuleKind.Offset, unchecked(-Scaled(cursor.Uleb())), 0), // DW_CFA_GNU_negative_offset_extended
                _ when Block(ref cursor) is var code => // DW_CFA_expression, DW_CFA_val_expression
                    (opcode == 0x10 ? RuleKind.Expression : RuleKind.ValueExpression, (long)code.Offset, code.Length),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
            Set(number, kind, value, place, length);
            return true;
        }

        /// <summary>The expression that follows, as a range of the section.</summary>
        private ByteRange Block(ref Cursor cursor)
        {
            var length = cursor.Uleb();
            var at = _programOffset + cursor.Position;
            cursor.Skip(length);
            return new ByteRange(at, (int)length);
        }

        private CfaRule Plain(ulong place) => State.Cfa.Register >= 0
            ? State.Cfa
            : throw new UnwindException(UnwindFault.CfaNotRegister, place, "the CFA's register or offset is changed while it has none");

        private long Scaled(ulong factor) => Scaled(unchecked((long)factor));

        private long Scaled(long factor) => unchecked(factor * (limits.Planted is EngineDefect.OffsetSign ? -common.DataFactor : common.DataFactor));

        private static int Register(ulong number, ulong place) => number < DwarfRegister.Count
            ? (int)number
            : throw new UnwindException(UnwindFault.BadRegister, place, $"register {number} is not followed");

        private void Set(int register, RuleKind kind, long value, ulong place, int length = 0)
        {
            // Vector and x87 registers may have rules too; nothing here depends on them.
            if (register < DwarfRegister.Count)
            {
                State = State with { Registers = State.Registers.With(register, new RegisterRule(kind, value, length)) };
            }
            else if (register > 128)
            {
                throw new UnwindException(UnwindFault.BadRegister, place, $"there is no register {register}");
            }
        }

        private void Restore(ulong register, ulong place)
        {
            if (register >= DwarfRegister.Count)
            {
                Set((int)Math.Min(register, int.MaxValue), RuleKind.Unspecified, 0, place);
                return;
            }

            State = State with { Registers = State.Registers.With((int)register, Initial.Registers[(int)register]) };
        }

        private void Advance(ulong delta, ulong place)
        {
            // Neither can reach 2^64: a delta has 32 bits, and a factor that large leaves every FDE.
            var bytes = unchecked(delta * common.CodeFactor);
            if (common.CodeFactor > uint.MaxValue || bytes > ulong.MaxValue - _location)
            {
                throw new UnwindException(UnwindFault.BadLocation, place, "an advance beyond the address space");
            }

            MoveTo(_location + bytes + (limits.Planted is EngineDefect.AdvanceLate ? 1UL : 0), place);
        }

        private void MoveTo(ulong location, ulong place)
        {
            if (location < _location || location > end)
            {
                throw new UnwindException(UnwindFault.BadLocation, place, $"location {location:x} after {_location:x} in an FDE up to {end:x}");
            }

            Row(location, place);
        }

        private void Row(ulong location, ulong place)
        {
            if (location == _location)
            {
                return;
            }

            if (Rows.Count == limits.MaxRows)
            {
                throw new UnwindException(UnwindFault.TooManyRows, place, $"more than {limits.MaxRows} rows");
            }

            Rows.Add(new UnwindRow(_location, location, State.Cfa, State.Registers));
            _location = location;
        }
    }
}
